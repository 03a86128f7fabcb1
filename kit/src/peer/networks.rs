//! Networks of trusted proxies, as CIDRs.

use std::net::IpAddr;

use ipnet::IpNet;

/// Set of networks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

impl Networks {
    /// Returns true if one of the networks contains the address.
    pub fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Returns true if the set is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Parses networks, separated by commas, for clap. A single address is a network of one address.
///
/// # Errors
/// Fails with the text to write instead.
pub fn networks(text: &str) -> Result<Networks, &'static str> {
    const RULE: &str =
        "write addresses or networks, separated by commas, for example 10.0.0.0/8,2001:db8::/32,192.0.2.1";
    let network = |text: &str| {
        let text = text.trim();
        let one = || text.parse().map(|address: IpAddr| IpNet::from(address.to_canonical())).ok();
        text.parse().ok().or_else(one)
    };
    let networks: Option<Vec<IpNet>> = text.split(',').map(network).collect();
    networks.map(Networks).ok_or(RULE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_parsed_and_matched() {
        let read = networks("10.0.0.0/8, 2001:db8::/32,192.0.2.1,::1").unwrap();
        let contains = |text: &str| read.contain(text.parse().unwrap());
        for inside in ["10.255.0.1", "::ffff:10.0.0.1", "2001:db8:1::1", "192.0.2.1", "::1"] {
            assert!(contains(inside), "{inside}");
        }
        for outside in ["11.0.0.1", "2001:db9::1", "192.0.2.2", "127.0.0.1"] {
            assert!(!contains(outside), "{outside}");
        }
        for bad in ["", "10.0.0.0/33", "10.0.0.0/8,", "proxy.example.com", "10.0.0.0/8;192.0.2.1"] {
            assert!(networks(bad).is_err(), "{bad}");
        }
    }
}
