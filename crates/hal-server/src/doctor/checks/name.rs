//! The name leads to addresses.

use super::Verdict;
use crate::doctor::facts::{Client, Dns, DnsAnswer, Facts, SystemLookup};
use crate::doctor::finding::Finding;

pub(super) fn check(client: &Client, _: &Facts) -> Option<Verdict> {
    let (host, dns) = (&client.target.host, &client.dns);
    if client.target.is_address() || client.target.is_localhost() {
        return None;
    }
    if !dns.addresses.is_empty() {
        let list: Vec<String> = dns.addresses.iter().map(ToString::to_string).collect();
        return Verdict::well(format!("{host} is {}", list.join(", ")));
    }
    let finding = match reason(dns) {
        Reason::NoSuchName => Finding::error("dns.nxdomain", format!("the name {host} does not exist"))
            .why("nobody can find the server by it; it may be misspelt, or its DNS record was never made")
            .fix(format!("add to the zone of the domain: {host}. A YOUR-PUBLIC-ADDRESS"))
            .fix(format!("dig +short {host}")),
        Reason::NoAddress => Finding::error("dns.no-address", format!("the name {host} exists but has no address"))
            .why("there is neither an A nor an AAAA record, so there is nothing to connect to")
            .fix(format!("add to the zone of the domain: {host}. A YOUR-PUBLIC-ADDRESS"))
            .fix(format!("dig +short {host}")),
        Reason::ServerFailed => Finding::error("dns.server-failed", format!("the DNS server cannot answer for {host}"))
            .why("it says SERVFAIL or REFUSED, or it is not there: the zone is broken, or this machine asks the wrong server")
            .fix(format!("dig {host} @9.9.9.9"))
            .fix("check the name servers of the domain at its registrar, and `nameserver` in /etc/resolv.conf here"),
        Reason::TimedOut => Finding::error("dns.timeout", format!("no DNS server answered for {host} in time"))
            .why("this machine has no working network, or its DNS server is away")
            .fix("check the network of this machine and `nameserver` in /etc/resolv.conf"),
    };
    Verdict::ill(finding)
}

enum Reason {
    NoSuchName,
    NoAddress,
    ServerFailed,
    TimedOut,
}

/// A DNS server's answer counts before the words of the resolver, which are the same for several faults.
fn reason(dns: &Dns) -> Reason {
    let any = |matches: fn(&DnsAnswer) -> bool| dns.queries.iter().any(|query| matches(&query.answer));
    if any(|answer| *answer == DnsAnswer::NoSuchName) {
        return Reason::NoSuchName;
    }
    if any(|answer| matches!(answer, DnsAnswer::Failed(_) | DnsAnswer::NoServer)) {
        return Reason::ServerFailed;
    }
    if any(|answer| matches!(answer, DnsAnswer::Addresses(_))) {
        return Reason::NoAddress;
    }
    if any(|answer| *answer == DnsAnswer::TimedOut) {
        return Reason::TimedOut;
    }
    match &dns.system {
        Some(SystemLookup::Failed(text)) if text.contains("No address associated") => Reason::NoAddress,
        Some(SystemLookup::Failed(text)) if text.contains("Temporary failure") => Reason::ServerFailed,
        Some(SystemLookup::TimedOut) => Reason::TimedOut,
        _ => Reason::NoSuchName,
    }
}
