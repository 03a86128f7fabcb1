//! Address of a caller, also behind proxies: limits, sessions and the log need the caller, not the proxy.

mod header;
mod networks;
mod proxy_protocol;

pub use header::{HeaderName, header_name};
pub use networks::{Networks, networks};
pub use proxy_protocol::{ProxyProtocol, ProxyProtocolError};

use std::net::IpAddr;

use http::HeaderMap;
use tonic::Request;

/// Resolver of caller addresses. Without trusted proxies, the caller is the peer.
#[derive(Clone, Debug, Default)]
pub struct CallerResolver {
    proxies: Networks,
    header: Option<HeaderName>,
}

impl CallerResolver {
    /// Trusts this header in requests from these proxies, and no other header.
    pub fn new(proxies: Networks, header: Option<HeaderName>) -> Self {
        Self { proxies, header }
    }

    /// Returns the caller's address for a connection from `peer`: the right-most untrusted address in the header.
    ///
    /// Returns the peer's own address if the header is absent or malformed, or if the peer is not trusted.
    pub fn address(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let peer = peer.to_canonical();
        let Some(name) = self.header.as_ref().filter(|_| self.proxies.contain(peer)) else { return peer };
        header::right_most(headers.get_all(name).iter(), |hop| self.proxies.contain(hop)).unwrap_or(peer)
    }

    /// Returns the address of a request's caller; `None` if the transport knows no peer.
    pub fn resolve<T>(&self, request: &Request<T>) -> Option<IpAddr> {
        let peer = request.remote_addr()?.ip();
        Some(self.address(peer, request.metadata().as_ref()))
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const FORWARDED: &str = "x-forwarded-for";

    fn callers(proxies: &str) -> CallerResolver {
        CallerResolver::new(networks(proxies).unwrap(), header_name(FORWARDED).ok())
    }

    fn headers(values: &[&[u8]]) -> HeaderMap {
        let values = values.iter().map(|value| HeaderValue::from_bytes(value).unwrap());
        values.map(|value| (HeaderName::from_static(FORWARDED), value)).collect()
    }

    #[track_caller]
    fn assert_caller(callers: &CallerResolver, peer: &str, values: &[&[u8]], expected: &str) {
        let address = callers.address(peer.parse().unwrap(), &headers(values));
        assert_eq!(address, expected.parse::<IpAddr>().unwrap(), "{peer} {values:?}");
    }

    #[test]
    fn right_most_untrusted_hop_is_the_caller() {
        let callers = callers("10.0.0.0/8,2001:db8::/32");
        for (values, expected) in [
            (&[&b"198.51.100.7"[..]][..], "198.51.100.7"),
            (&[b"203.0.113.9, 198.51.100.7"], "198.51.100.7"),
            (&[b"203.0.113.9, 198.51.100.7, 10.1.2.3"], "198.51.100.7"),
            (&[b"203.0.113.9", b"198.51.100.7,10.1.2.3 "], "198.51.100.7"),
            (&[b"10.9.9.9, 10.1.2.3"], "10.9.9.9"),
            (&[b"198.51.100.7:4711"], "198.51.100.7"),
            (&[b"[2001:db9::7]:4711, 2001:db8::1"], "2001:db9::7"),
            (&[b"::ffff:198.51.100.7"], "198.51.100.7"),
        ] {
            assert_caller(&callers, "10.0.0.1", values, expected);
        }
        assert_caller(&callers, "::ffff:10.0.0.1", &[b"198.51.100.7"], "198.51.100.7");
    }

    #[test]
    fn malformed_header_leaves_the_peer() {
        let callers = callers("10.0.0.0/8");
        for value in
            [&b""[..], b" ", b",", b"unknown", b"198.51.100.7,", b"198.51.100.7, garbage", b"1.2.3", b"\xff", b"_x"]
        {
            assert_caller(&callers, "10.0.0.1", &[value], "10.0.0.1");
        }
        assert_caller(&callers, "10.0.0.1", &[], "10.0.0.1");
        // The text left of the caller's address comes from the caller.
        assert_caller(&callers, "10.0.0.1", &[b"garbage, 198.51.100.7"], "198.51.100.7");
    }

    #[test]
    fn header_of_an_untrusted_peer_is_not_read() {
        assert_caller(&callers("10.0.0.0/8"), "192.0.2.1", &[b"198.51.100.7"], "192.0.2.1");
        assert_caller(&CallerResolver::default(), "10.0.0.1", &[b"198.51.100.7"], "10.0.0.1");
        let without_header = CallerResolver::new(networks("10.0.0.0/8").unwrap(), None);
        assert_caller(&without_header, "10.0.0.1", &[b"198.51.100.7"], "10.0.0.1");
    }

    #[test]
    fn long_header_costs_little_and_leaves_the_peer() {
        let many = "10.1.1.1,".repeat(2_000) + "10.1.1.1";
        assert_caller(&callers("10.0.0.0/8"), "10.0.0.1", &[many.as_bytes()], "10.0.0.1");
    }
}
