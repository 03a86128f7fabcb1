//! Connections to the auth service: in plaintext, with TLS of tonic, or with TLS from files.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use http::Uri;
use tonic::transport::{Channel, Endpoint, Error};

#[cfg(feature = "tls")]
use crate::tls::{ClientTls, TlsConnector};

/// An endpoint, and the way to connect to it.
#[derive(Clone, Debug)]
pub(crate) struct Dialer {
    endpoint: Endpoint,
    #[cfg(feature = "tls")]
    connector: Option<TlsConnector>,
}

impl From<Endpoint> for Dialer {
    fn from(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            #[cfg(feature = "tls")]
            connector: None,
        }
    }
}

impl Dialer {
    /// Changes the endpoint.
    pub(crate) fn map(self, change: impl FnOnce(Endpoint) -> Endpoint) -> Self {
        Self { endpoint: change(self.endpoint), ..self }
    }

    /// Creates a channel that connects at the first request.
    pub(crate) fn connect_lazy(&self) -> Channel {
        #[cfg(feature = "tls")]
        if let Some(connector) = &self.connector {
            return self.endpoint.connect_with_connector_lazy(connector.clone());
        }
        self.endpoint.connect_lazy()
    }

    /// Connects.
    pub(crate) async fn connect(&self) -> Result<Channel, Error> {
        #[cfg(feature = "tls")]
        if let Some(connector) = &self.connector {
            return self.endpoint.connect_with_connector(connector.clone()).await;
        }
        self.endpoint.connect().await
    }
}

/// A server's URL: `http://HOST:PORT`, or for TLS `https://HOST:PORT`.
#[derive(Clone, Debug)]
pub(crate) struct ServerUrl {
    origin: Uri,
    host: String,
    port: u16,
    #[cfg(feature = "tls")]
    connector: Option<TlsConnector>,
}

impl ServerUrl {
    /// Parses a URL for plaintext.
    pub(crate) fn plain(url: &str) -> Result<Self, InvalidUrl> {
        Self::parse(url, "http").ok_or_else(|| InvalidUrl::new(url))
    }

    fn parse(url: &str, scheme: &str) -> Option<Self> {
        let origin = url.parse::<Uri>().ok().filter(|uri| uri.scheme_str() == Some(scheme))?;
        let authority = origin.authority().filter(|authority| !authority.as_str().contains('@'))?;
        let (host, port) = (authority.host().trim_matches(['[', ']']).to_owned(), authority.port_u16()?);
        Some(Self {
            origin,
            host,
            port,
            #[cfg(feature = "tls")]
            connector: None,
        })
    }

    /// Returns the host: a name, or an IP address without brackets.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Returns the port.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Returns the address, if the host is an IP address.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.host.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, self.port))
    }

    /// Returns the way to connect to one address of the host. Requests still name the host.
    pub(crate) fn dialer_at(&self, address: SocketAddr) -> Dialer {
        self.dialer_of(&address)
    }

    /// Returns the way to connect to `HOST:PORT`.
    ///
    /// The URI has the scheme `http`, because tonic would put its own TLS around the connector's if it were `https`.
    fn dialer_of(&self, authority: &dyn fmt::Display) -> Dialer {
        let uri = Uri::try_from(format!("http://{authority}")).unwrap_or_else(|_| self.origin.clone());
        Dialer {
            endpoint: Endpoint::from(uri).origin(self.origin.clone()),
            #[cfg(feature = "tls")]
            connector: self.connector.clone(),
        }
    }
}

#[cfg(feature = "tls")]
impl ServerUrl {
    /// Parses a URL for TLS.
    pub(crate) fn tls(url: &str, tls: ClientTls) -> Result<Self, InvalidUrl> {
        let parsed = Self::parse(url, "https").ok_or_else(|| InvalidUrl::for_tls(url))?;
        let server_name = tls.server_name(&parsed.host).map_err(|_| InvalidUrl::for_tls(url))?;
        Ok(Self { connector: Some(TlsConnector::new(tls, server_name)), ..parsed })
    }

    /// Returns the way to connect to the host. Each connection looks up the name.
    fn dialer(&self) -> Dialer {
        match self.origin.authority() {
            Some(authority) => self.dialer_of(authority),
            None => self.dialer_of(&self.host),
        }
    }
}

#[cfg(feature = "tls")]
impl ClientTls {
    /// Creates a channel to a server at `https://HOST:PORT`, for example for [`TokenSource`](crate::TokenSource). It
    /// connects at the first request.
    ///
    /// # Errors
    /// Fails for any other URL.
    pub fn channel(&self, url: &str) -> Result<Channel, InvalidUrl> {
        self.channel_with(url, |endpoint| endpoint)
    }

    /// Creates a channel like [`channel`](Self::channel), with changed timeouts and other settings of the endpoint. Its
    /// address and its TLS stay.
    ///
    /// # Errors
    /// Fails if the URL is not `https://HOST:PORT`.
    pub fn channel_with(&self, url: &str, change: impl FnOnce(Endpoint) -> Endpoint) -> Result<Channel, InvalidUrl> {
        Ok(ServerUrl::tls(url, self.clone())?.dialer().map(change).connect_lazy())
    }
}

/// A URL of the wrong form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the auth service's URL is {url:?}, and must be {wanted}")]
pub struct InvalidUrl {
    url: String,
    wanted: &'static str,
}

/// Characters of a URL that an error shows.
const SHOWN_URL_CHARS: usize = 128;

#[cfg(feature = "tls")]
const PLAIN_FORM: &str = "http://HOST:PORT, for example http://127.0.0.1:50051; for TLS, https://HOST:PORT";

#[cfg(not(feature = "tls"))]
const PLAIN_FORM: &str = "http://HOST:PORT, for example http://127.0.0.1:50051; for TLS, enable the feature `tls` of \
                          gatepost, or give AuthService::builder() an Endpoint";

impl InvalidUrl {
    fn new(url: &str) -> Self {
        Self { url: shown(url), wanted: PLAIN_FORM }
    }

    #[cfg(feature = "tls")]
    fn for_tls(url: &str) -> Self {
        Self { url: shown(url), wanted: "https://HOST:PORT for TLS, for example https://auth.example.org:50051" }
    }
}

/// Shortens a URL for a message, and removes user name and password.
fn shown(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").map_or(("", url), |(scheme, rest)| (scheme, rest));
    let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    let shown = if scheme.is_empty() { rest.to_owned() } else { format!("{scheme}://{rest}") };
    shown.chars().take(SHOWN_URL_CHARS).collect()
}
