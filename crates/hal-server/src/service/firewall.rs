//! Firewall rules for each part of HAL, as text: for ufw, nftables and Windows.
//!
//! The rule behind all of them: whoever comes from outside reaches HAProxy and nothing else; the gateway's port is for HAProxy, the
//! listener's port for gateways.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address, or a network in the form `10.0.0.0/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn parse(given: &str) -> Result<Network, String> {
        let text = given.trim();
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address
            .trim_start_matches('[')
            .trim_end_matches(']')
            .parse()
            .map_err(|_| format!("{given:?} is not an address; firewalls know no names"))?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            None => most,
            Some(bits) => bits
                .parse()
                .ok()
                .filter(|bits| (1..=most).contains(bits))
                .ok_or_else(|| format!("{given:?}: after the / comes a number from 1 to {most}"))?,
        };
        Ok(Network { address: masked(address, bits), bits })
    }

    fn is_ipv4(&self) -> bool {
        self.address.is_ipv4()
    }
}

/// Without the bits of the single machine, which nft and ufw mind.
fn masked(address: IpAddr, bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(four) => Ipv4Addr::from_bits(four.to_bits() & (u32::MAX << (32 - bits))).into(),
        IpAddr::V6(six) => Ipv6Addr::from_bits(six.to_bits() & (u128::MAX << (128 - bits))).into(),
    }
}

impl std::fmt::Display for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let whole = if self.is_ipv4() { 32 } else { 128 };
        if self.bits == whole {
            write!(f, "{}", self.address)
        } else {
            write!(f, "{}/{}", self.address, self.bits)
        }
    }
}

/// What runs on the machine whose firewall it is.
#[derive(Clone, Debug, Default)]
pub struct Parts {
    /// HAProxy, or a gateway with TLS of its own: 80 and 443 for everybody.
    pub proxy: bool,
    pub gateway: bool,
    pub listener: bool,
}

/// Who may come to what.
#[derive(Clone, Debug)]
pub struct Rules {
    pub parts: Parts,
    /// HAProxy's machines, and networks whose clients go to the gateway directly. None: HAProxy is on this machine.
    pub to_gateway: Vec<Network>,
    /// Gateways on other machines. None: all gateways are on this machine.
    pub to_listener: Vec<Network>,
    pub http_port: u16,
    pub https_port: u16,
    pub gateway_port: u16,
    pub listener_port: u16,
}

impl Rules {
    /// Each port that is for some only: its number, its part, and for whom.
    fn guarded(&self) -> Vec<(u16, &'static str, &[Network])> {
        let mut ports: Vec<(u16, &'static str, &[Network])> = Vec::new();
        if self.parts.gateway {
            ports.push((self.gateway_port, "HAL gateway", &self.to_gateway));
        }
        if self.parts.listener {
            ports.push((self.listener_port, "HAL listener", &self.to_listener));
        }
        ports
    }

    fn for_whom(sources: &[Network]) -> String {
        if sources.is_empty() {
            return "for this machine only".to_owned();
        }
        let sources: Vec<String> = sources.iter().map(ToString::to_string).collect();
        format!("for {} only", sources.join(", "))
    }
}

/// Commands of ufw. The first rule that fits counts, so those who may come stand before the refusal.
pub fn ufw(rules: &Rules) -> String {
    let mut out = String::from("# ufw: run these as root.\n");
    if rules.parts.proxy {
        let (http, https) = (rules.http_port, rules.https_port);
        line(&mut out, &format!("ufw allow {http}/tcp comment 'HAL: to https, and certificates'"));
        line(&mut out, &format!("ufw allow {https}/tcp comment 'HAL: https'"));
    }
    for (port, what, sources) in rules.guarded() {
        line(&mut out, &format!("# {what}: {}.", Rules::for_whom(sources)));
        for source in sources {
            line(&mut out, &format!("ufw allow proto tcp from {source} to any port {port} comment '{what}'"));
        }
        line(&mut out, &format!("ufw deny {port}/tcp comment '{what}: nobody else'"));
    }
    line(&mut out, "# If ufw is not active yet, first let in what you work through, then switch it");
    line(&mut out, "# on:");
    line(&mut out, "#   ufw allow OpenSSH && ufw enable");
    out
}

/// A file for `nft -f`, with a table of its own that can be loaded again and again.
pub fn nftables(rules: &Rules) -> String {
    let mut out = String::from(
        "\
#!/usr/sbin/nft -f
# /etc/nftables.d/hal.nft; load it with: nft -f FILE (check it before with: nft -c -f FILE)
# The first two lines make it replace what an earlier run left.
table inet hal
delete table inet hal
table inet hal {
    chain input {
        type filter hook input priority filter - 10; policy accept;
        iif \"lo\" accept
        ct state established,related accept
",
    );
    for (port, what, sources) in rules.guarded() {
        line(&mut out, &format!("        # {what}: {}.", Rules::for_whom(sources)));
        for (family, is_ipv4) in [("ip", true), ("ip6", false)] {
            let of_family: Vec<String> = sources
                .iter()
                .filter(|source| source.is_ipv4() == is_ipv4)
                .map(ToString::to_string)
                .collect();
            if !of_family.is_empty() {
                let sources = of_family.join(", ");
                line(&mut out, &format!("        tcp dport {port} {family} saddr {{ {sources} }} accept"));
            }
        }
        line(&mut out, &format!("        tcp dport {port} drop"));
    }
    out.push_str("    }\n}\n");
    let mut open: Vec<String> = Vec::new();
    if rules.parts.proxy {
        open.push(format!("tcp dport {{ {}, {} }} accept", rules.http_port, rules.https_port));
    }
    for (port, _, sources) in rules.guarded() {
        for source in sources {
            let family = if source.is_ipv4() { "ip" } else { "ip6" };
            open.push(format!("{family} saddr {source} tcp dport {port} accept"));
        }
    }
    if !open.is_empty() {
        out.push_str(
            "\
# An accept in one table does not overrule a drop in another. Where your own
# chain has the policy drop, these belong into it too (here the usual names,
# inet filter input):
",
        );
        for rule in open {
            line(&mut out, &format!("#   nft 'add rule inet filter input {rule}'"));
        }
    }
    out
}

/// PowerShell for Windows, which refuses what no rule allows.
pub fn windows(rules: &Rules) -> String {
    let mut out = String::from(
        "\
# Windows: run these in PowerShell as administrator. What no rule allows is
# refused there.
# Rules of an earlier run go first.
Get-NetFirewallRule -Group 'HAL' -ErrorAction SilentlyContinue | Remove-NetFirewallRule
",
    );
    let rule = |out: &mut String, name: &str, ports: &str, from: &str| {
        line(
            out,
            &format!(
                "New-NetFirewallRule -Group 'HAL' -DisplayName '{name}' -Direction Inbound -Action Allow \
                 -Protocol TCP -LocalPort {ports} -RemoteAddress {from}"
            ),
        );
    };
    if rules.parts.proxy {
        rule(&mut out, "HAL https", &format!("{},{}", rules.http_port, rules.https_port), "Any");
    }
    for (port, what, sources) in rules.guarded() {
        line(&mut out, &format!("# {what}: {}.", Rules::for_whom(sources)));
        if sources.is_empty() {
            line(&mut out, "# Nothing to open: connections of a machine to itself are not filtered.");
            continue;
        }
        let from: Vec<String> = sources.iter().map(ToString::to_string).collect();
        rule(&mut out, what, &port.to_string(), &from.join(","));
    }
    out
}

fn line(out: &mut String, text: &str) {
    writeln!(out, "{text}").expect("a String takes every write");
}
