//! Requests and responses of the operations port.

use std::net::SocketAddr;

use http::header::{ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HOST, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use http::uri::Authority;
use http::{Response, StatusCode};

/// Part of a request that a handler may read.
pub struct EndpointRequest<'a> {
    headers: &'a http::HeaderMap,
    peer: SocketAddr,
}

impl<'a> EndpointRequest<'a> {
    pub(super) fn new(headers: &'a http::HeaderMap, peer: SocketAddr) -> Self {
        Self { headers, peer }
    }

    /// Returns the address of the connection's other end.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Returns the host and port of the `Host` header. Only its form is checked: the client may send any host.
    pub fn host(&self) -> Option<Authority> {
        let mut hosts = self.headers.get_all(HOST).iter();
        let (host, None) = (hosts.next()?, hosts.next()) else { return None };
        let authority: Authority = host.to_str().ok()?.parse().ok()?;
        // `user@host` is an authority, but not a host.
        (!authority.as_str().contains('@')).then_some(authority)
    }
}

/// Response: status, content type, cache control and text.
#[derive(Debug)]
pub struct EndpointResponse {
    status: StatusCode,
    kind: &'static str,
    keeping: HeaderValue,
    text: String,
    /// Methods of the path, if the request has another one.
    allow: Option<&'static str>,
}

impl EndpointResponse {
    /// Creates a line of plain text that no cache keeps.
    pub(super) fn line(status: StatusCode, text: &str) -> Self {
        let keeping = HeaderValue::from_static("no-store");
        Self { status, kind: "text/plain; charset=utf-8", keeping, text: format!("{text}\n"), allow: None }
    }

    /// Refuses a method, and lists those that the path has.
    pub(super) fn not_allowed(allow: &'static str) -> Self {
        let text = format!("only {allow} are served here");
        Self { allow: Some(allow), ..Self::line(StatusCode::METHOD_NOT_ALLOWED, &text) }
    }

    /// Creates a JSON document that no cache keeps.
    pub fn json(text: String) -> Self {
        Self { kind: "application/json", text, ..Self::line(StatusCode::OK, "") }
    }

    /// Creates the text of metrics for Prometheus (OpenMetrics 1.0), which no cache keeps.
    pub(super) fn metrics(text: String) -> Self {
        let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        Self { kind, text, ..Self::line(StatusCode::OK, "") }
    }

    /// Lets caches keep the response for this many seconds.
    #[must_use]
    pub fn kept_for(mut self, seconds: u32) -> Self {
        let (keeping, seconds) = ("public, max-age=", seconds.to_string());
        self.keeping = HeaderValue::from_str(&(keeping.to_owned() + &seconds)).unwrap_or(self.keeping);
        self
    }

    /// Returns the text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Converts it to an HTTP response. `is_last` closes the connection, because a body was left unread.
    pub(super) fn into_http(self, is_last: bool) -> Response<String> {
        let mut response = Response::new(self.text);
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.kind));
        headers.insert(CACHE_CONTROL, self.keeping);
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if let Some(allow) = self.allow {
            headers.insert(ALLOW, HeaderValue::from_static(allow));
        }
        if is_last {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
