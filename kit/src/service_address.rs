//! Addresses of services, as settings name them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use http::Uri;

/// Address for plaintext gRPC: a host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceAddress(String);

impl ServiceAddress {
    /// Parses `http://HOST:PORT`, for clap. The port is required because the guard and grpcurl require it.
    ///
    /// # Errors
    /// Fails with the text to write instead.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const WANTED: &str = "write http://HOST:PORT, for example http://127.0.0.1:50051";
        let url: Uri = text.parse().map_err(|_| WANTED)?;
        let authority = url.authority().filter(|authority| !authority.as_str().contains('@')).ok_or(WANTED)?;
        let plain = url.scheme_str() == Some("http")
            && authority.port().is_some()
            && matches!(url.path(), "" | "/")
            && url.query().is_none();
        if plain { Ok(Self(authority.to_string())) } else { Err(WANTED) }
    }

    /// Returns the address of a socket.
    pub fn from_socket(address: SocketAddr) -> Self {
        Self(address.to_string())
    }

    /// Returns the address at which this machine reaches a listener: loopback for a listener on all addresses.
    pub fn reaching(address: SocketAddr) -> Self {
        let ip = match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        Self::from_socket(SocketAddr::new(ip, address.port()))
    }

    /// Returns `HOST:PORT`, as grpcurl takes it.
    pub fn address(&self) -> &str {
        &self.0
    }

    /// Returns `http://HOST:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.0)
    }

    /// Returns true if traffic to this address stays on this machine.
    pub fn is_loopback(&self) -> bool {
        let host = self.0.rsplit_once(':').map_or(self.0.as_str(), |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// C65: loopback addresses are distinguished from all others.
    #[test]
    fn address_is_parsed_and_loopback_is_known() {
        for (url, address, loopback) in [
            ("http://127.0.0.1:50051", "127.0.0.1:50051", true),
            ("http://localhost:1/", "localhost:1", true),
            ("http://[::1]:1", "[::1]:1", true),
            ("http://auth:50051", "auth:50051", false),
            ("http://10.0.0.1:50051", "10.0.0.1:50051", false),
        ] {
            let place = ServiceAddress::parse(url).unwrap();
            assert_eq!((place.address(), place.is_loopback()), (address, loopback), "{url}");
        }
        for url in
            ["", "127.0.0.1:50051", "http://a", "https://a:1", "http://u:p@a:1", "http://a:1/path", "http://a:1?q"]
        {
            assert!(ServiceAddress::parse(url).is_err(), "{url}");
        }
    }

    #[test]
    fn listener_on_all_addresses_is_reached_at_loopback() {
        for (listen, reached) in [
            ("0.0.0.0:1", "127.0.0.1:1"),
            ("[::]:1", "[::1]:1"),
            ("127.0.0.2:1", "127.0.0.2:1"),
            ("10.0.0.1:1", "10.0.0.1:1"),
        ] {
            assert_eq!(ServiceAddress::reaching(listen.parse().unwrap()).address(), reached);
        }
    }
}
