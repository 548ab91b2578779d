//! Addresses and networks as people list them: `127.0.0.1`, `10.0.0.0/8`, `fd00::/8`. Pure.

use std::net::IpAddr;

use serde::Deserialize;

/// Networks in a list; more is a mistake.
const NETWORKS_MAX: usize = 1_000;

/// A list of networks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Vec<Network>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    address: IpAddr,
    /// Leading bits that count.
    bits: u32,
}

impl Networks {
    /// Reads the words of a list.
    ///
    /// # Errors
    /// A word that is no address or network, by name.
    pub fn parse<'a>(words: impl IntoIterator<Item = &'a str>) -> Result<Networks, String> {
        let networks = words.into_iter().map(Network::parse).collect::<Result<Vec<_>, _>>()?;
        if networks.len() > NETWORKS_MAX {
            return Err(format!("a list has at most {NETWORKS_MAX} networks"));
        }
        Ok(Networks(networks))
    }

    /// Whether an address belongs to one of them. `::ffff:192.0.2.1` is 192.0.2.1.
    pub fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(address))
    }
}

impl Network {
    fn parse(word: &str) -> Result<Network, String> {
        let text = word.trim();
        let refuse = |why: &str| format!("{text:?} is not a network: {why}");
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr =
            address.parse().map_err(|_| refuse("write it like 127.0.0.1, 10.0.0.0/8 or fd00::/8"))?;
        let all = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            None => all,
            Some(bits) if bits.bytes().all(|byte| byte.is_ascii_digit()) => {
                bits.parse().ok().filter(|bits| *bits <= all).ok_or_else(|| refuse("too many bits"))?
            }
            Some(_) => return Err(refuse("behind the slash is a number of bits")),
        };
        let network = Network { address, bits };
        // 10.1.2.3/8 is one address or ten million of them: whoever wrote it meant one of the two.
        if network.host_bits() != 0 {
            return Err(refuse(
                "it is an address inside a network: leave out the bits, or set the rest to 0",
            ));
        }
        Ok(network)
    }

    fn host_bits(&self) -> u128 {
        let (value, all) = value(self.address);
        if self.bits == 0 { value } else { value & !(u128::MAX << (all - self.bits)) }
    }

    fn contains(&self, address: IpAddr) -> bool {
        if address.is_ipv4() != self.address.is_ipv4() {
            return false;
        }
        let ((own, all), (other, _)) = (value(self.address), value(address));
        self.bits == 0 || (own ^ other) >> (all - self.bits) == 0
    }
}

/// An address as a number, and how many bits it has.
fn value(address: IpAddr) -> (u128, u32) {
    match address {
        IpAddr::V4(v4) => (u128::from(v4.to_bits()), 32),
        IpAddr::V6(v6) => (v6.to_bits(), 128),
    }
}

impl<'de> Deserialize<'de> for Networks {
    fn deserialize<D: serde::Deserializer<'de>>(value: D) -> Result<Networks, D::Error> {
        let words = Vec::<String>::deserialize(value)?;
        Networks::parse(words.iter().map(String::as_str)).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_belongs_to_the_networks_that_share_its_first_bits() {
        let listed = Networks::parse(["127.0.0.1", "10.0.0.0/8", "192.0.2.128/25", "fd00::/8", "::1"]);
        let listed = listed.expect("valid");
        let check = |address: &str, expected| {
            assert_eq!(listed.contain(address.parse().expect("an address")), expected, "{address}");
        };
        for inside in ["127.0.0.1", "10.255.0.1", "::ffff:10.1.1.1", "192.0.2.128", "fd12::3", "::1"] {
            check(inside, true);
        }
        for outside in ["127.0.0.2", "11.0.0.0", "192.0.2.127", "fe00::1", "::2", "::a00:1"] {
            check(outside, false);
        }
        let all = Networks::parse(["0.0.0.0/0", "::/0"]).expect("valid");
        assert!(all.contain("255.1.2.3".parse().expect("an address")));
        assert!(all.contain("2001:db8::1".parse().expect("an address")));
        assert!(!Networks::default().contain("127.0.0.1".parse().expect("an address")));
    }

    #[test]
    fn what_is_no_network_is_refused_by_name() {
        for word in
            ["localhost", "10.0.0.0/33", "10.0.0.0/-1", "10.1.2.3/8", "::1/129", "", "10.0.0.0/", "a/8"]
        {
            let error = Networks::parse([word]).expect_err("not a network");
            assert!(error.contains(word), "{error}");
        }
    }
}
