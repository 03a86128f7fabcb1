//! A client that can send requests that no proper gRPC client sends.

use std::net::SocketAddr;

use h2::SendStream;
use h2::client::{ResponseFuture, SendRequest};
use http::{HeaderMap, HeaderValue, Request, StatusCode, Uri, header};
use prost::Message;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tonic::Status;
use tonic::codegen::Bytes;

/// An empty gRPC message: no compression, length 0.
pub(crate) const EMPTY: &[u8] = &[0; 5];

/// An HTTP/2 connection.
#[derive(Clone)]
pub(crate) struct Raw(SendRequest<Bytes>);

impl Raw {
    /// Connects over TCP.
    pub(crate) async fn connect(addr: SocketAddr) -> Self {
        Self::over(TcpStream::connect(addr).await.unwrap()).await
    }

    /// Starts HTTP/2 on this connection.
    pub(crate) async fn over(io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Self {
        let (send, connection) = h2::client::handshake(io).await.unwrap();
        tokio::spawn(connection);
        Self(send)
    }

    /// Makes a gRPC call with an empty message and these additional headers.
    pub(crate) async fn call(&self, path: &str, headers: &[(&'static str, &[u8])]) -> Reply {
        let mut request = Request::post(uri(path)).header(header::TE, "trailers");
        request = request.header(header::CONTENT_TYPE, "application/grpc");
        for (name, value) in headers {
            request = request.header(*name, HeaderValue::from_bytes(value).unwrap());
        }
        self.send(request.body(()).unwrap()).await
    }

    /// Makes a gRPC call with the token `good`.
    pub(crate) async fn call_as_ada(&self, path: &str) -> Reply {
        self.call(path, &[("api-token", b"good")]).await
    }

    /// Starts a gRPC call with the token `good`, and does not send its message.
    pub(crate) async fn begin(&self, path: &str) -> (ResponseFuture, SendStream<Bytes>) {
        let request = Request::post(uri(path)).header(header::TE, "trailers").header("api-token", "good");
        let request = request.header(header::CONTENT_TYPE, "application/grpc").body(()).unwrap();
        self.0.clone().ready().await.unwrap().send_request(request, false).unwrap()
    }

    /// Sends this request with an empty message.
    pub(crate) async fn send(&self, request: Request<()>) -> Reply {
        let mut send = self.0.clone().ready().await.unwrap();
        let (response, mut body) = send.send_request(request, false).unwrap();
        // The send may fail if the server has already answered, so the answer decides.
        let _ = body.send_data(Bytes::from_static(EMPTY), true);
        let (head, mut stream) = response.await.unwrap().into_parts();
        let mut data = Vec::new();
        while let Some(chunk) = stream.data().await {
            data.extend_from_slice(&chunk.unwrap());
        }
        let trailers = stream.trailers().await.unwrap();
        Reply { http: head.status, headers: head.headers, data, trailers }
    }
}

/// Returns an absolute URI with this path, as HTTP/2 requires.
pub(crate) fn uri(path: &str) -> Uri {
    Uri::builder().scheme("http").authority("localhost").path_and_query(path).build().unwrap()
}

/// A complete response.
#[derive(Debug)]
pub(crate) struct Reply {
    /// The HTTP status.
    pub(crate) http: StatusCode,
    /// The response's headers.
    pub(crate) headers: HeaderMap,
    /// The messages with their frame headers.
    pub(crate) data: Vec<u8>,
    /// The response's trailers.
    pub(crate) trailers: Option<HeaderMap>,
}

impl Reply {
    /// Returns the gRPC status from the trailers, or from the headers of a response without messages.
    pub(crate) fn status(&self) -> Status {
        assert_eq!(self.http, StatusCode::OK);
        Status::from_header_map(self.trailers.as_ref().unwrap_or(&self.headers)).unwrap()
    }

    /// Returns the message of a successful call.
    pub(crate) fn message<M: Message + Default>(&self) -> M {
        assert_eq!(self.status().code(), tonic::Code::Ok, "{self:?}");
        M::decode(&self.data[EMPTY.len()..]).unwrap()
    }
}
