//! Who listens where: the kernel's own tables, so that no program is needed (Linux).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::doctor::facts::{Holder, Listening};

/// Sockets at the wanted ports. `None`: this system has no such tables.
pub(super) fn look(wanted: &[u16]) -> Option<Vec<Listening>> {
    let mut rows = table(&std::fs::read_to_string("/proc/net/tcp").ok()?);
    // A kernel without IPv6 has no second table.
    rows.extend(table(&std::fs::read_to_string("/proc/net/tcp6").unwrap_or_default()));
    rows.retain(|row| wanted.contains(&row.address.port()));
    find_holders(&mut rows);
    Some(rows)
}

/// Reads the rows in the state LISTEN (0A).
fn table(text: &str) -> Vec<Listening> {
    let row = |line: &str| -> Option<Listening> {
        let words: Vec<&str> = line.split_whitespace().collect();
        if *words.get(3)? != "0A" {
            return None;
        }
        let (address, port) = words.get(1)?.split_once(':')?;
        let port = u16::from_str_radix(port, 16).ok()?;
        let inode = words.get(9)?.parse().ok()?;
        Some(Listening { address: SocketAddr::new(ip(address)?, port), inode, holders: Vec::new() })
    };
    text.lines().skip(1).filter_map(row).collect()
}

/// The kernel prints each 32-bit word in the order of the machine: `0100007F` is 127.0.0.1 on a little-endian one.
fn ip(hex: &str) -> Option<IpAddr> {
    let word = |at: usize| -> Option<[u8; 4]> {
        Some(u32::from_str_radix(hex.get(at..at + 8)?, 16).ok()?.to_ne_bytes())
    };
    if hex.len() == 8 {
        return Some(Ipv4Addr::from(word(0)?).into());
    }
    let mut bytes = [0; 16];
    for index in 0..4 {
        bytes[index * 4..index * 4 + 4].copy_from_slice(&word(index * 8)?);
    }
    Some(Ipv6Addr::from(bytes).into())
}

/// Looks through the open files of every process that may be seen.
fn find_holders(rows: &mut [Listening]) {
    if rows.is_empty() {
        return;
    }
    for pid in pids() {
        let Ok(files) = std::fs::read_dir(format!("/proc/{pid}/fd")) else { continue };
        for link in files.flatten().filter_map(|file| std::fs::read_link(file.path()).ok()) {
            let name = link.to_string_lossy();
            let inode = name.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']'));
            let Some(inode) = inode.and_then(|inode| inode.parse::<u64>().ok()) else { continue };
            for row in rows.iter_mut().filter(|row| row.inode == inode) {
                if row.holders.iter().any(|holder| holder.pid == pid) {
                    continue;
                }
                if let Some(process) = process(pid) {
                    row.holders.push(Holder { pid, parent: process.parent, program: process.program });
                }
            }
        }
    }
}

/// Every process, as numbers.
pub(in crate::doctor) fn pids() -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// What `/proc/PID/stat` says.
#[derive(Clone, Debug)]
pub(in crate::doctor) struct Process {
    pub(in crate::doctor) program: String,
    pub(in crate::doctor) parent: u32,
    /// Seconds after the start of the machine.
    pub(in crate::doctor) started: i64,
}

/// Ticks of `/proc` in a second: the same on every Linux, whatever the kernel's own clock is.
const TICKS: i64 = 100;

pub(in crate::doctor) fn process(pid: u32) -> Option<Process> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name is in parentheses and may hold spaces and parentheses itself.
    let (head, rest) = text.rsplit_once(')')?;
    let program = head.split_once('(')?.1.to_owned();
    let words: Vec<&str> = rest.split_whitespace().collect();
    // Fields 4 and 22 of proc(5); the first word here is field 3.
    let parent = words.get(1)?.parse().ok()?;
    let started = words.get(19)?.parse::<i64>().ok()? / TICKS;
    Some(Process { program, parent, started })
}

/// When the machine started, Unix seconds.
pub(super) fn boot_time() -> Option<i64> {
    let text = std::fs::read_to_string("/proc/stat").ok()?;
    text.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_endian = "little")]
    fn the_kernels_table_is_read() {
        let text = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
            0: 0100007F:2240 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1065 1 0 100 0 0 10 0\n   \
            1: 0100007F:AAE1 0100007F:BD68 01 00000000:00000000 00:00000000 00000000     0        0 1066 1 0 20 0 0 10 -1\n";
        let rows = table(text);
        assert_eq!(rows.len(), 1);
        assert_eq!((rows[0].address.to_string().as_str(), rows[0].inode), ("127.0.0.1:8768", 1065));
        assert_eq!(ip("00000000000000000000000001000000"), Some(IpAddr::from(Ipv6Addr::LOCALHOST)));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn an_own_listener_is_found_with_its_process() {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let rows = look(&[address.port()]).unwrap();
        let row = rows.iter().find(|row| row.address == address).unwrap();
        assert_eq!(row.holders[0].pid, std::process::id());
    }
}
