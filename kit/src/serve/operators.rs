//! Peers that the operators have named: they get a reserved seat on a full server.

use std::net::IpAddr;

use super::seats::PeerKind;
use crate::peer::{Networks, ProxyProtocol};

/// Networks of operators and of their health checks.
#[derive(Clone, Debug)]
pub(super) struct Operators {
    networks: Networks,
    /// Proxies, which speak for their callers. They are no operators, even on this machine.
    proxies: Option<ProxyProtocol>,
}

impl Operators {
    pub(super) fn new(networks: Networks, proxies: Option<ProxyProtocol>) -> Self {
        Self { networks, proxies }
    }

    /// Returns the kind of the peer at this address.
    pub(super) fn kind(&self, address: IpAddr) -> PeerKind {
        let is_proxy = self.proxies.as_ref().is_some_and(|proxies| proxies.trusts(address));
        if !is_proxy && self.networks.contain(address) { PeerKind::Operator } else { PeerKind::Caller }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer::networks;

    #[test]
    fn proxy_on_an_operators_network_is_not_an_operator() {
        let loopback = networks("127.0.0.0/8,::1").unwrap();
        let behind = Operators::new(loopback.clone(), Some(ProxyProtocol::new(networks("127.0.0.7").unwrap())));
        let open = Operators::new(loopback, None);
        for (operators, address, expected) in [
            (&open, "127.0.0.7", PeerKind::Operator),
            (&open, "::ffff:127.0.0.1", PeerKind::Operator),
            (&open, "192.0.2.1", PeerKind::Caller),
            (&behind, "127.0.0.7", PeerKind::Caller),
            (&behind, "127.0.0.8", PeerKind::Operator),
        ] {
            assert_eq!(operators.kind(address.parse().unwrap()), expected, "{address}");
        }
    }
}
