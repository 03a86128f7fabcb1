//! Networks of trusted proxies, as CIDRs.

use std::net::IpAddr;

use ipnet::IpNet;

/// A set of networks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(Vec<IpNet>);

impl Networks {
    /// Returns whether the address lies in one of them.
    pub fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Returns whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Reads networks, separated by commas, for clap. An address stands for the network of it alone.
///
/// # Errors
/// A sentence that says what to write instead.
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
    fn networks_are_read_and_asked() {
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
