//! Connections to the auth service: in plaintext, by TLS of tonic, or by TLS from files.

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
    /// Reads a URL: `http://HOST:PORT`.
    pub(crate) fn from_url(url: &str) -> Result<Self, InvalidUrl> {
        let endpoint = Endpoint::from_shared(url.to_owned()).ok();
        let is_plain = |one: &Endpoint| one.uri().scheme_str() == Some("http") && one.uri().port().is_some();
        endpoint.filter(is_plain).map(Self::from).ok_or_else(|| InvalidUrl::new(url))
    }

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

#[cfg(feature = "tls")]
impl Dialer {
    /// Reads a URL for TLS: `https://HOST:PORT`.
    pub(crate) fn from_tls_url(url: &str, tls: ClientTls) -> Result<Self, InvalidUrl> {
        let uri = url.parse::<http::Uri>().ok().filter(|uri| uri.scheme_str() == Some("https"));
        let authority = uri.as_ref().and_then(http::Uri::authority).filter(|authority| authority.port().is_some());
        let authority = authority.filter(|authority| !authority.as_str().contains('@'));
        let (Some(origin), Some(authority)) = (&uri, authority) else { return Err(InvalidUrl::for_tls(url)) };
        let server_name = tls.server_name(authority.host()).map_err(|_| InvalidUrl::for_tls(url))?;
        // A connector of the caller's is for `http`: tonic puts its own TLS around connections of `https`.
        let endpoint = Endpoint::from_shared(format!("http://{authority}")).map_err(|_| InvalidUrl::for_tls(url))?;
        let connector = Some(TlsConnector::new(tls, server_name));
        Ok(Self { endpoint: endpoint.origin(origin.clone()), connector })
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
        Ok(Dialer::from_tls_url(url, self.clone())?.map(change).connect_lazy())
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
