//! Addresses of services, as settings name them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use http::Uri;

/// Address for gRPC, in plaintext or with TLS: a host and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceAddress {
    authority: String,
    is_tls: bool,
}

impl ServiceAddress {
    /// Parses `http://HOST:PORT` or `https://HOST:PORT`, for clap. The port is required because the guard and grpcurl
    /// require it.
    ///
    /// # Errors
    /// Fails with the text to write instead.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const WANTED: &str = "write http://HOST:PORT, or https://HOST:PORT for TLS, for example http://127.0.0.1:50051";
        let url: Uri = text.parse().map_err(|_| WANTED)?;
        let authority = url.authority().filter(|authority| !authority.as_str().contains('@')).ok_or(WANTED)?;
        let is_tls = url.scheme_str() == Some("https");
        let is_bare = (is_tls || url.scheme_str() == Some("http"))
            && authority.port().is_some()
            && matches!(url.path(), "" | "/")
            && url.query().is_none();
        if is_bare { Ok(Self { authority: authority.to_string(), is_tls }) } else { Err(WANTED) }
    }

    /// Returns the address of a socket, for plaintext.
    pub fn from_socket(address: SocketAddr) -> Self {
        Self { authority: address.to_string(), is_tls: false }
    }

    /// Returns the address at which this machine reaches a listener, for plaintext: loopback for a listener on all
    /// addresses.
    pub fn reaching(address: SocketAddr) -> Self {
        let ip = match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        Self::from_socket(SocketAddr::new(ip, address.port()))
    }

    /// Sets the use of TLS.
    #[must_use]
    pub fn with_tls(self, is_tls: bool) -> Self {
        Self { is_tls, ..self }
    }

    /// Returns `HOST:PORT`, as grpcurl takes it.
    pub fn address(&self) -> &str {
        &self.authority
    }

    /// Returns the host: a name, or an address without brackets.
    pub fn host(&self) -> &str {
        let host = self.authority.rsplit_once(':').map_or(self.authority.as_str(), |(host, _)| host);
        host.trim_start_matches('[').trim_end_matches(']')
    }

    /// Returns `http://HOST:PORT` or `https://HOST:PORT`.
    pub fn url(&self) -> String {
        format!("{}://{}", if self.is_tls { "https" } else { "http" }, self.authority)
    }

    /// Returns true if connections use TLS.
    pub fn is_tls(&self) -> bool {
        self.is_tls
    }

    /// Returns true if the traffic cannot be read on a network: it is encrypted, or stays on this machine.
    pub fn is_private(&self) -> bool {
        self.is_tls || self.is_loopback()
    }

    /// Returns true if traffic to this address stays on this machine.
    pub fn is_loopback(&self) -> bool {
        let host = self.host();
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
            ("https://auth:50051", "auth:50051", false),
        ] {
            let place = ServiceAddress::parse(url).unwrap();
            assert_eq!((place.address(), place.is_loopback()), (address, loopback), "{url}");
            assert_eq!(place.is_private(), loopback || url.starts_with("https"), "{url}");
            assert_eq!(place.url(), url.trim_end_matches('/'));
        }
        for url in [
            "",
            "127.0.0.1:50051",
            "http://a",
            "https://a",
            "grpc://a:1",
            "http://u:p@a:1",
            "http://a:1/path",
            "http://a:1?q",
        ] {
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
