//! The HAProxy of this machine: its file, its processes, its sockets, its log. Reads only.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Eyes, ServerAsk, config, ports, run};
use crate::doctor::facts::{BackendServer, Check, Config, FileFault, Haproxy, HaproxyProcess, Log};
use crate::edge::haproxy::check::{Circumstances, judge};
use crate::edge::haproxy::{Document, Version};

pub(super) const CONFIG_DEFAULT: &str = "/etc/haproxy/haproxy.cfg";
const LOG_DEFAULT: &str = "/var/log/haproxy.log";
/// Of a log only the end is read.
const LOG_BYTES_MAX: u64 = 2 << 20;
const IDLE_MAX: usize = 200;
const CHECK_LIMIT: Duration = Duration::from_secs(5);
const TRIES_MAX: u32 = 5;
const ANSWER_BYTES_MAX: usize = 4 << 20;

/// Looks at it. `None`: there is no file, or it has nothing to do with HAL and nobody named it.
pub(super) fn look(ask: &ServerAsk, gateway_port: u16, eyes: Eyes) -> Option<Haproxy> {
    let processes = processes();
    let named = ask.haproxy_config.is_some();
    let path = match &ask.haproxy_config {
        Some(path) => absolute(path),
        None => default_config(&processes)?,
    };
    let config = read_config(&path);
    if !named && !leads_to(&config, gateway_port) {
        return None;
    }
    let path = path.to_string_lossy().into_owned();
    let processes: Vec<_> = processes.into_iter().filter(|process| process.configs.contains(&path)).collect();
    let (servers, socket_error) = servers(&config, eyes);
    let version = run("haproxy", &["-v"], eyes.wait)
        .and_then(|said| said.stdout.lines().next()?.split_ascii_whitespace().find_map(Version::parse));
    Some(Haproxy {
        version: version.map(|version| version.to_string()),
        check: if config.error.is_none() { check(&path) } else { Check::NotRun },
        faults: faults(&config, version),
        reloads_failed: reloads_failed(&processes, eyes),
        processes,
        servers,
        socket_error,
        log: log(ask.haproxy_log.as_deref(), eyes),
        config,
    })
}

/// Whether the file leads to a gateway, as far as its ports tell.
pub(super) fn leads_to(config: &Config, gateway_port: u16) -> bool {
    let ours = [gateway_port, crate::config::GATEWAY_PORT].map(|port| format!(":{port}"));
    let mut servers = config.proxies.iter().flat_map(|proxy| &proxy.servers);
    servers.any(|(_, address)| ours.iter().any(|port| address.ends_with(port)))
}

fn default_config(processes: &[HaproxyProcess]) -> Option<PathBuf> {
    let usual = PathBuf::from(CONFIG_DEFAULT);
    let on_usual =
        processes.iter().any(|process| process.configs.iter().any(|config| config == CONFIG_DEFAULT));
    if on_usual || usual.is_file() {
        return Some(usual);
    }
    processes.iter().find_map(|process| process.configs.first()).map(PathBuf::from)
}

pub(super) fn read_config(path: &Path) -> Config {
    let mut config = Config { path: path.to_string_lossy().into_owned(), ..Config::default() };
    let read = std::fs::metadata(path).and_then(|meta| {
        if meta.len() > config::CONFIG_BYTES_MAX {
            return Err(std::io::Error::other("it is too large"));
        }
        let changed = meta.modified().ok().and_then(unix);
        Ok((std::fs::read(path)?, changed))
    });
    match read {
        Ok((bytes, changed)) => {
            config.changed = changed;
            config::read(&String::from_utf8_lossy(&bytes), &mut config);
        }
        Err(error) => config.error = Some(error.to_string()),
    }
    config
}

/// What is wrong with the text of the file. Files that it names are looked at by themselves.
fn faults(config: &Config, version: Option<Version>) -> Vec<FileFault> {
    let Some(version) = version.filter(|_| config.error.is_none()) else { return Vec::new() };
    let Ok(bytes) = std::fs::read(&config.path) else { return Vec::new() };
    let Ok(document) = Document::parse(&String::from_utf8_lossy(&bytes)) else { return Vec::new() };
    let judged = judge(&document, &Circumstances::new(version));
    let fault = |found: crate::edge::haproxy::check::Finding| FileFault {
        code: found.code.to_owned(),
        lines: found.lines,
        what: found.what,
        why: found.why,
    };
    judged.findings.into_iter().map(fault).collect()
}

fn unix(time: std::time::SystemTime) -> Option<i64> {
    i64::try_from(time.duration_since(std::time::UNIX_EPOCH).ok()?.as_secs()).ok()
}

fn absolute(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.to_owned())
}

/// Every running HAProxy of this network (Linux).
fn processes() -> Vec<HaproxyProcess> {
    let network = |pid: &str| std::fs::read_link(format!("/proc/{pid}/ns/net")).ok();
    let own = network("self");
    let boot = ports::boot_time();
    let one = |pid: u32| -> Option<HaproxyProcess> {
        let process = ports::process(pid).filter(|process| process.program == "haproxy")?;
        let there = network(&pid.to_string());
        // Where neither may be seen they are taken for one.
        if there.is_some() && there != own {
            return None;
        }
        let bytes = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
        let words: Vec<String> =
            bytes.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect();
        if words.iter().any(|word| word == "-c") {
            return None;
        }
        let folder = std::fs::read_link(format!("/proc/{pid}/cwd")).unwrap_or_default();
        let after = |option: &str| {
            words.windows(2).filter(|pair| pair[0] == option).map(|pair| pair[1].clone()).collect::<Vec<_>>()
        };
        let configs = after("-f")
            .iter()
            .map(|file| absolute(&folder.join(file)).to_string_lossy().into_owned())
            .collect();
        // `path,level,admin` and the like may follow the path.
        let master_socket = after("-S").first().and_then(|path| path.split(',').next().map(str::to_owned));
        let worker = ports::process(process.parent).is_some_and(|parent| parent.program == "haproxy");
        Some(HaproxyProcess {
            pid,
            parent: process.parent,
            worker,
            started: boot.map(|boot| boot + process.started),
            master_socket,
            configs,
        })
    };
    ports::pids().into_iter().filter_map(one).collect()
}

/// Lets HAProxy read the file; nothing is bound or started.
fn check(path: &str) -> Check {
    let Some(said) = run("haproxy", &["-c", "-f", path], CHECK_LIMIT) else { return Check::NotRun };
    if said.success {
        return Check::Clean;
    }
    let lines =
        said.stderr.lines().chain(said.stdout.lines()).map(str::trim).filter(|line| line.contains("ALERT"));
    Check::Refused(lines.take(20).map(str::to_owned).collect())
}

/// Asks again when a signal came between, as the system does not do by itself here.
fn ask_socket(path: &str, command: &str, eyes: Eyes) -> std::io::Result<String> {
    let mut tries = 0;
    loop {
        tries += 1;
        match ask_socket_once(path, command, eyes) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted && tries < TRIES_MAX => {}
            other => return other,
        }
    }
}

#[cfg(unix)]
fn ask_socket_once(path: &str, command: &str, eyes: Eyes) -> std::io::Result<String> {
    use std::io::{Read as _, Write as _};
    let mut socket = std::os::unix::net::UnixStream::connect(path)?;
    socket.set_read_timeout(Some(eyes.wait))?;
    socket.set_write_timeout(Some(eyes.wait))?;
    socket.write_all(format!("{command}\n").as_bytes())?;
    let mut bytes = Vec::new();
    let mut buffer = [0; 8192];
    // An empty line ends an answer; after a failed reload the master does not close the line.
    while !bytes.ends_with(b"\n\n") && bytes.len() < ANSWER_BYTES_MAX {
        match socket.read(&mut buffer)? {
            0 => break,
            count => bytes.extend_from_slice(&buffer[..count]),
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(not(unix))]
fn ask_socket_once(_: &str, _: &str, _: Eyes) -> std::io::Result<String> {
    Err(std::io::ErrorKind::Unsupported.into())
}

fn servers(config: &Config, eyes: Eyes) -> (Option<Vec<BackendServer>>, Option<String>) {
    let mut why = None;
    for path in &config.stats_sockets {
        match ask_socket(path, "show stat", eyes) {
            Ok(csv) if csv.starts_with('#') => return (Some(statistics(&csv)), None),
            Ok(_) => why = Some(format!("{path}: no statistics come out of it")),
            Err(error) => why = Some(format!("{path}: {error}")),
        }
    }
    (None, why)
}

/// Reads `show stat` by the names of its columns; their order changes with versions.
fn statistics(csv: &str) -> Vec<BackendServer> {
    let mut rows =
        csv::ReaderBuilder::new().flexible(true).from_reader(csv.trim_start_matches("# ").as_bytes());
    let Ok(header) = rows.headers().cloned() else { return Vec::new() };
    let one = |row: csv::StringRecord| -> Option<BackendServer> {
        let field = |name: &str| -> Option<&str> {
            row.get(header.iter().position(|column| column == name)?).filter(|value| !value.is_empty())
        };
        let name = field("svname")?;
        if matches!(name, "FRONTEND" | "BACKEND") {
            return None;
        }
        Some(BackendServer {
            backend: field("pxname")?.to_owned(),
            name: name.to_owned(),
            address: field("addr").unwrap_or_default().to_owned(),
            status: field("status").unwrap_or_default().to_owned(),
            // `* ` stands before the result of a check that is running just now.
            check: field("check_status").unwrap_or_default().trim_start_matches("* ").to_owned(),
            check_code: field("check_code").and_then(|code| code.parse().ok()),
            check_ms: field("check_duration").and_then(|ms| ms.parse().ok()),
            last: field("last_chk").unwrap_or_default().to_owned(),
        })
    };
    rows.records().flatten().filter_map(one).collect()
}

/// `show proc` of the master says `[failed: N]` when the last reload was refused.
fn reloads_failed(processes: &[HaproxyProcess], eyes: Eyes) -> Option<u32> {
    let socket = processes.iter().find_map(|process| process.master_socket.as_ref())?;
    let said = ask_socket(socket, "show proc", eyes).ok()?;
    let (_, rest) = match said.split_once("[failed: ") {
        Some(parts) => parts,
        None => return Some(0),
    };
    rest.split(']').next()?.trim().parse().ok()
}

fn log(named: Option<&Path>, eyes: Eyes) -> Option<Log> {
    let file = named.unwrap_or_else(|| Path::new(LOG_DEFAULT));
    if let Some(text) = end_of(file) {
        return Some(read_log(&text, file.to_string_lossy().into_owned()));
    }
    if named.is_some() {
        return None;
    }
    let said = run("journalctl", &["-t", "haproxy", "-n", "2000", "-o", "cat", "--no-pager"], eyes.wait)?;
    said.success.then(|| read_log(&said.stdout, "journalctl -t haproxy".to_owned()))
}

fn end_of(file: &Path) -> Option<String> {
    use std::io::{Read as _, Seek as _, SeekFrom};
    let mut file = std::fs::File::open(file).ok()?;
    let size = file.metadata().ok()?.len();
    file.seek(SeekFrom::Start(size.saturating_sub(LOG_BYTES_MAX))).ok()?;
    let mut bytes = Vec::new();
    file.take(LOG_BYTES_MAX).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Counts endings. Reads HAProxy's own HTTP format and HAL's: five times with slashes, the status, then four letters.
fn read_log(text: &str, source: String) -> Log {
    let mut log = Log { source, ..Log::default() };
    for line in text.lines() {
        if line.contains("SSL handshake failure") {
            log.tls_failures += 1;
            continue;
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        let Some(at) = words.iter().position(|word| is_times(word)) else { continue };
        let (Some(status), Some(end)) = (words.get(at + 1), words[at + 1..].iter().find(|word| is_end(word)))
        else {
            continue;
        };
        let total: u64 =
            words[at].rsplit('/').next().and_then(|ms| ms.trim_start_matches('+').parse().ok()).unwrap_or(0);
        let from_to = at.checked_sub(1).map_or("", |before| words[before]);
        match (*status, end.as_bytes()) {
            (_, [b'K', ..]) => log.killed += 1,
            ("101", [b'c' | b's', b'D', ..]) => log.idle_ms.push(total),
            ("101", _) => log.tunnels += 1,
            (_, [b'S', b'C', ..]) if from_to.ends_with("/<NOSRV>") => {
                let frontend = at.checked_sub(2).map_or("", |before| words[before]).trim_end_matches('~');
                if from_to.trim_end_matches("/<NOSRV>") == frontend {
                    log.unrouted += 1
                } else {
                    log.no_server += 1
                }
            }
            _ => {}
        }
    }
    let surplus = log.idle_ms.len().saturating_sub(IDLE_MAX);
    log.idle_ms.drain(..surplus);
    log
}

fn is_times(word: &str) -> bool {
    let mut count = 0;
    word.split('/').all(|part| {
        count += 1;
        part.trim_start_matches(['+', '-']).bytes().all(|byte| byte.is_ascii_digit()) && !part.is_empty()
    }) && count == 5
}

fn is_end(word: &str) -> bool {
    word.len() == 4 && word.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_are_read_by_column_name() {
        let csv = "# pxname,svname,status,check_status,check_code,check_duration,last_chk,addr,\n\
            hal,FRONTEND,OPEN,,,,,,\nhal_voice,g1,DOWN,L4CON,,0,\"Connection refused, at step 1\",[::1]:8768,\n\
            hal_voice,BACKEND,DOWN,,,,,,\n";
        let rows = statistics(csv);
        assert_eq!(rows.len(), 1);
        assert_eq!((rows[0].address.as_str(), rows[0].check.as_str()), ("[::1]:8768", "L4CON"));
        assert_eq!(rows[0].last, "Connection refused, at step 1");
    }

    #[test]
    fn a_log_is_counted_in_both_formats_and_nothing_else_of_it_is_kept() {
        let text = "\
            192.0.2.9:5 [25/Nov/2026:10:00:00.000] hal~ hal_voice/g1 0/0/1/4/2001 101 298/680 cD-- 1/1/0/0/0 TLSv1.3 ws=1 \"GET /?token=x HTTP/1.1\"\n\
            Nov 25 host haproxy[1]: 192.0.2.9:5 [25/Nov/2026:10:00:00.000] hal~ hal_voice/g1 0/0/1/4/+2003 101 680 - - sD-- 1/1/0/0/0 0/0 \"GET / HTTP/1.1\"\n\
            192.0.2.9:5 [x] hal~ hal_voice/g1 0/0/1/4/60010 101 298/680 ---- 1/1/0/0/0 - ws=1 \"GET / HTTP/1.1\"\n\
            192.0.2.9:5 [x] hal~ hal_voice/g1 0/0/1/4/60010 101 298/680 K--- 1/1/0/0/0 - ws=1 \"GET / HTTP/1.1\"\n\
            192.0.2.9:5 [x] hal~ hal_voice/<NOSRV> 0/-1/-1/-1/0 503 298/680 SC-- 1/1/0/0/0 - ws=0 \"GET / HTTP/1.1\"\n\
            192.0.2.9:5 [x] hal~ hal/<NOSRV> 0/-1/-1/-1/0 503 298/680 SC-- 1/1/0/0/0 - ws=0 \"GET / HTTP/1.1\"\n\
            192.0.2.9:5 [x] hal/1: SSL handshake failure\n";
        let log = read_log(text, String::new());
        assert_eq!(log.idle_ms, [2001, 2003]);
        assert_eq!((log.tunnels, log.killed, log.no_server, log.unrouted, log.tls_failures), (1, 1, 1, 1, 1));
    }
}
