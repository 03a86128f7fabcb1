//! What is asked on the operations port, and what is answered.

use http::header::{ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HOST, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use http::uri::Authority;
use http::{Response, StatusCode};

/// What a page may know of a request.
pub struct EndpointRequest<'a> {
    headers: &'a http::HeaderMap,
}

impl<'a> EndpointRequest<'a> {
    pub(super) fn new(headers: &'a http::HeaderMap) -> Self {
        Self { headers }
    }

    /// The host and port that the client believes it has asked: its own word, checked for its form alone.
    pub fn host(&self) -> Option<Authority> {
        let mut hosts = self.headers.get_all(HOST).iter();
        let (host, None) = (hosts.next()?, hosts.next()) else { return None };
        let authority: Authority = host.to_str().ok()?.parse().ok()?;
        // `user@host` is an authority, but no host.
        (!authority.as_str().contains('@')).then_some(authority)
    }
}

/// An answer: a status, what kind of text it is, how long it may be kept, and the text.
#[derive(Debug)]
pub struct EndpointResponse {
    status: StatusCode,
    kind: &'static str,
    keeping: HeaderValue,
    text: String,
}

impl EndpointResponse {
    /// A line of plain text that nobody keeps.
    pub(super) fn line(status: StatusCode, text: &str) -> Self {
        let keeping = HeaderValue::from_static("no-store");
        Self { status, kind: "text/plain; charset=utf-8", keeping, text: format!("{text}\n") }
    }

    /// A JSON document that nobody keeps.
    pub fn json(text: String) -> Self {
        Self { kind: "application/json", text, ..Self::line(StatusCode::OK, "") }
    }

    /// What is counted, in the text that Prometheus reads (OpenMetrics 1.0); nobody keeps it.
    pub(super) fn metrics(text: String) -> Self {
        let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        Self { kind, text, ..Self::line(StatusCode::OK, "") }
    }

    /// Whoever asks may keep it for this many seconds.
    #[must_use]
    pub fn kept_for(mut self, seconds: u32) -> Self {
        let (keeping, seconds) = ("public, max-age=", seconds.to_string());
        self.keeping = HeaderValue::from_str(&(keeping.to_owned() + &seconds)).unwrap_or(self.keeping);
        self
    }

    /// What it says.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// As it goes out; of a request whose body is left unread the connection is closed.
    pub(super) fn into_http(self, is_last: bool) -> Response<String> {
        let mut response = Response::new(self.text);
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.kind));
        headers.insert(CACHE_CONTROL, self.keeping);
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        }
        if is_last {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
