//! Whom the gateway believes when they say for whom they speak. Pure.

use std::net::IpAddr;

use crate::networks::Networks;

/// The proxies of this household.
#[derive(Clone, Debug, Default)]
pub(crate) struct Proxies {
    /// As the settings name them; none: every private address may be one.
    listed: Option<Networks>,
    /// Those that are listed say whose certificate they have verified.
    certify: bool,
}

impl Proxies {
    pub(crate) fn new(listed: Option<Networks>, certify: bool) -> Proxies {
        Proxies { listed, certify }
    }

    /// Whether this other end of a connection is believed about certificates: only one that is named, and only where the
    /// settings say that it verifies them.
    pub(super) fn certifies(&self, other_end: IpAddr) -> bool {
        self.certify && self.listed.as_ref().is_some_and(|listed| listed.contain(other_end))
    }

    /// Whether this address is believed about where its requests come from.
    pub(super) fn believe(&self, peer: IpAddr) -> bool {
        match &self.listed {
            Some(listed) => listed.contain(peer),
            None => is_private(peer),
        }
    }

    /// The client of a request that `peer` passed on, by the addresses of `X-Forwarded-For`, the nearest last. Each proxy
    /// appends whom it saw: the first that is no proxy of ours is the client, and what stands before it is what that one says.
    pub(super) fn client(&self, peer: IpAddr, forwarded: &str) -> IpAddr {
        let mut client = peer;
        for seen in forwarded.rsplit(',') {
            if !self.believe(client) {
                break;
            }
            let Ok(seen) = seen.trim().parse::<IpAddr>() else { break };
            client = seen;
            // Where none are listed, a private address may as well be a client: only the proxy before this gateway counts.
            if self.listed.is_none() {
                break;
            }
        }
        client.to_canonical()
    }
}

/// Where a proxy of one's own would be.
fn is_private(peer: IpAddr) -> bool {
    match peer.to_canonical() {
        IpAddr::V4(v4) => v4.is_loopback() || v4.is_private() || v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_proxies_that_are_named_and_asked_to_are_believed_about_certificates() {
        let listed = || Networks::parse(["127.0.0.1"]).ok();
        let [local, other] = [IpAddr::from([127, 0, 0, 1]), IpAddr::from([10, 0, 0, 1])];
        assert!(Proxies::new(listed(), true).certifies(local));
        assert!(!Proxies::new(listed(), true).certifies(other));
        assert!(!Proxies::new(listed(), false).certifies(local));
        assert!(!Proxies::new(None, true).certifies(local));
    }

    fn check(listed: Option<&[&str]>, peer: &str, forwarded: &str, expected: &str) {
        let listed = listed.map(|words| Networks::parse(words.iter().copied()).expect("valid"));
        let client = Proxies::new(listed, false).client(peer.parse().expect("an address"), forwarded);
        assert_eq!(client.to_string(), expected, "{forwarded} from {peer}");
    }

    #[test]
    fn without_a_list_every_private_peer_is_believed_about_the_one_before_it() {
        check(None, "127.0.0.1", "203.0.113.9, 192.0.2.4", "192.0.2.4");
        check(None, "10.0.0.2", "203.0.113.9, 192.168.1.4", "192.168.1.4");
        check(None, "198.51.100.7", "192.0.2.4", "198.51.100.7");
        check(None, "127.0.0.1", "nonsense", "127.0.0.1");
        check(None, "127.0.0.1", "", "127.0.0.1");
    }

    #[test]
    fn a_list_narrows_whom_to_believe_and_leads_through_several_proxies() {
        let listed: Option<&[&str]> = Some(&["127.0.0.1", "10.0.0.0/24"]);
        check(listed, "127.0.0.1", "192.0.2.4", "192.0.2.4");
        check(listed, "192.168.1.9", "192.0.2.4", "192.168.1.9");
        check(listed, "127.0.0.1", "203.0.113.9, 192.0.2.4, 10.0.0.7", "192.0.2.4");
        check(listed, "127.0.0.1", "x, 10.0.0.7", "10.0.0.7");
        check(Some(&[]), "127.0.0.1", "192.0.2.4", "127.0.0.1");
        check(Some(&["198.51.100.7"]), "::ffff:198.51.100.7", "192.0.2.4", "192.0.2.4");
    }
}
