//! Calls over HTTP/1.1 on one connection that is kept alive.

use std::sync::Arc;

use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tonic::Status;

use crate::Failure;
use crate::load::{CallFuture, LoadCall};

/// Text in the answer about an active token.
const ACTIVE_TOKEN: &[u8] = b"\"active\":true";

/// A connection to a server, opened at its first call and again after the server has closed it. Its calls wait for each
/// other.
#[derive(Clone)]
pub(super) struct HttpCaller {
    address: Arc<str>,
    connection: Arc<Mutex<Option<SendRequest<Full<Bytes>>>>>,
}

/// A request. The type has no `Debug`, so that no output shows its secrets.
#[derive(Clone)]
pub(super) struct HttpRequest {
    method: Method,
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

/// An answer with a status of success or redirection.
pub(super) struct HttpAnswer {
    pub(super) headers: HeaderMap,
    body: Bytes,
}

impl HttpRequest {
    /// Returns a request without a body.
    pub(super) fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), headers: HeaderMap::new(), body: Bytes::new() }
    }

    /// Returns a `GET` request.
    pub(super) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    /// Returns a `POST` request with JSON.
    pub(super) fn post(path: impl Into<String>, body: &Value) -> Self {
        Self::new(Method::POST, path).json(body)
    }

    /// Returns a `POST` request with a form.
    pub(super) fn form<const N: usize>(path: impl Into<String>, fields: [(&str, &str); N]) -> Self {
        let body = fields.map(|(name, value)| format!("{name}={}", encoded(value))).join("&");
        let mut request = Self::new(Method::POST, path);
        request.body = body.into();
        request.with(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"))
    }

    /// Sets the body to JSON.
    pub(super) fn json(mut self, body: &Value) -> Self {
        self.body = body.to_string().into();
        self.with(CONTENT_TYPE, HeaderValue::from_static("application/json"))
    }

    /// Sets the path.
    pub(super) fn at(mut self, path: String) -> Self {
        self.path = path;
        self
    }

    /// Adds a header.
    pub(super) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// Adds a bearer token.
    pub(super) fn bearer(self, token: &str) -> Result<Self, Failure> {
        Ok(self.with(AUTHORIZATION, format!("Bearer {token}").parse()?))
    }

    /// Adds the name and secret of a client.
    pub(super) fn basic(self, name: &str, secret: &str) -> Result<Self, Failure> {
        use base64::Engine as _;
        let both = base64::prelude::BASE64_STANDARD.encode(format!("{name}:{secret}"));
        Ok(self.with(AUTHORIZATION, format!("Basic {both}").parse()?))
    }
}

impl HttpCaller {
    /// Returns a connection to the server at this address, as `HOST:PORT`.
    pub(super) fn new(address: &str) -> Self {
        Self { address: address.into(), connection: Arc::default() }
    }

    /// Returns this many connections.
    pub(super) fn several(address: &str, count: usize) -> Vec<Self> {
        (0..count).map(|_| Self::new(address)).collect()
    }

    /// Sends a request.
    ///
    /// # Errors
    /// Fails with `UNAUTHENTICATED` if the server refuses the caller (401, 403 or 404), and with `UNKNOWN` for any
    /// other status of a failure. Fails with `UNAVAILABLE` if the connection breaks.
    pub(super) async fn send(&self, request: HttpRequest) -> Result<HttpAnswer, Status> {
        let (method, path) = (request.method.clone(), request.path.clone());
        let mut place = self.connection.lock().await;
        let mut open = match place.take() {
            Some(open) if !open.is_closed() => open,
            _ => self.connect().await.map_err(|failure| Status::unavailable(failure.to_string()))?,
        };
        let sent = self.request(request).map_err(|failure| Status::internal(failure.to_string()))?;
        let broken = |error: hyper::Error| Status::unavailable(error.to_string());
        open.ready().await.map_err(broken)?;
        let (head, body) = open.send_request(sent).await.map_err(broken)?.into_parts();
        let body = body.collect().await.map_err(broken)?.to_bytes();
        *place = Some(open);
        // The query may have secrets.
        let failed = || format!("{method} {}: {}", path.split('?').next().unwrap_or_default(), head.status);
        match head.status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => {
                Err(Status::unauthenticated(failed()))
            }
            status if status.is_client_error() || status.is_server_error() => Err(Status::unknown(failed())),
            _ => Ok(HttpAnswer { headers: head.headers, body }),
        }
    }

    /// Returns calls that send this request.
    pub(super) fn repeat(&self, request: HttpRequest) -> LoadCall {
        self.calls(move || request.clone())
    }

    /// Returns calls that send the next of these requests each time.
    pub(super) fn calls(&self, next: impl Fn() -> HttpRequest + Send + Sync + 'static) -> LoadCall {
        let caller = self.clone();
        Arc::new(move || {
            let (caller, request) = (caller.clone(), next());
            Some(Box::pin(async move { caller.send(request).await.map(drop) }) as CallFuture<()>)
        })
    }

    /// Returns calls that ask whether a token is active (RFC 7662). An inactive token counts as refused.
    pub(super) fn introspect(&self, request: HttpRequest) -> LoadCall {
        let caller = self.clone();
        Arc::new(move || {
            let (caller, request) = (caller.clone(), request.clone());
            Some(Box::pin(async move {
                let answer = caller.send(request).await?;
                let is_active = answer.body.windows(ACTIVE_TOKEN.len()).any(|part| part == ACTIVE_TOKEN);
                if is_active { Ok(()) } else { Err(Status::unauthenticated("the token is not active")) }
            }) as CallFuture<()>)
        })
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, Failure> {
        let stream = TcpStream::connect(&*self.address).await?;
        stream.set_nodelay(true)?;
        let (open, connection) = handshake(TokioIo::new(stream)).await?;
        // A broken connection fails the call that uses it.
        tokio::spawn(async move {
            let _ = connection.await;
        });
        Ok(open)
    }

    fn request(&self, request: HttpRequest) -> Result<Request<Full<Bytes>>, Failure> {
        let HttpRequest { method, path, headers, body } = request;
        let mut sent = Request::builder().method(method).uri(path).body(Full::new(body))?;
        *sent.headers_mut() = headers;
        sent.headers_mut().insert(HOST, self.address.parse()?);
        Ok(sent)
    }
}

impl HttpAnswer {
    /// Reads the answer as JSON.
    pub(super) fn json(&self) -> Result<Value, Status> {
        serde_json::from_slice(&self.body).map_err(|error| Status::internal(format!("the answer is no JSON: {error}")))
    }

    /// Reads a text of the answer's JSON by its pointer (RFC 6901).
    pub(super) fn text(&self, pointer: &str) -> Result<String, Status> {
        let found = self.json()?.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        found.ok_or_else(|| Status::internal(format!("the answer has no text {pointer}")))
    }
}

/// Returns a value of a form or a query, percent-encoded.
pub(super) fn encoded(value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    value.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}
