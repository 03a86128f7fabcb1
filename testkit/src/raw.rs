//! A gRPC client without checks: it sends any bytes and headers, and sets no deadline.

use std::net::SocketAddr;

use h2::client::SendRequest;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use prost::Message;
use tokio::net::TcpStream;
use tonic::codegen::Bytes;
use tonic::{Code, Status};

/// Length of the head of a gRPC frame, in bytes: a compression flag and a length of four bytes.
const FRAME_HEAD_BYTES: usize = 5;

/// An HTTP/2 connection.
#[derive(Clone)]
pub struct Raw(SendRequest<Bytes>);

/// The whole response of a call.
#[derive(Debug)]
pub struct Reply {
    /// HTTP status.
    pub http: StatusCode,
    /// Headers of the response.
    pub headers: HeaderMap,
    /// Messages in their frames.
    pub data: Vec<u8>,
    /// Trailers of the response.
    pub trailers: Option<HeaderMap>,
}

/// Returns a message in a gRPC frame, uncompressed.
///
/// # Panics
/// Panics if the message has 4 GiB or more.
#[expect(clippy::expect_used, reason = "no test sends 4 GiB")]
pub fn framed(message: &[u8]) -> Bytes {
    let length = u32::try_from(message.len()).expect("at most 4 GiB");
    [&[0], &length.to_be_bytes()[..], message].concat().into()
}

impl Raw {
    /// Connects over TCP.
    ///
    /// # Panics
    /// Panics if no server listens at the address.
    #[expect(clippy::expect_used, reason = "a test without its server has failed")]
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("the server listens");
        let (send, connection) = h2::client::handshake(stream).await.expect("the server speaks HTTP/2");
        tokio::spawn(connection);
        Self(send)
    }

    /// Calls the method at `path` with the bytes of one message; returns the bytes of the answer, or the status.
    ///
    /// # Panics
    /// Panics like [`Raw::send`].
    pub async fn unary(&self, path: &str, headers: &[(&str, &str)], message: &[u8]) -> Result<Bytes, Status> {
        self.call(path, headers, framed(message)).await.message()
    }

    /// Calls the method at `path` with one message; returns the answer, or the status.
    ///
    /// # Panics
    /// Panics like [`Raw::send`], and if the answer has another type.
    #[expect(clippy::expect_used, reason = "a test that cannot read its answer has failed")]
    pub async fn ask<A: Message + Default>(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        request: &impl Message,
    ) -> Result<A, Status> {
        let answer = self.unary(path, headers, &request.encode_to_vec()).await?;
        Ok(A::decode(answer).expect("an answer of this type"))
    }

    /// Calls the method at `path` with this body, and with these headers in addition to the usual headers.
    ///
    /// # Panics
    /// Panics like [`Raw::send`].
    pub async fn call(&self, path: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Reply {
        let mut all = vec![("content-type", "application/grpc"), ("te", "trailers")];
        all.extend_from_slice(headers);
        self.send(Method::POST, path, &all, body.into()).await
    }

    /// Calls the method with each of these tokens, until one is admitted.
    ///
    /// # Panics
    /// Panics like [`Raw::send`], and if all tokens are refused.
    pub async fn call_as(&self, tokens: &[&str], path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        for token in tokens {
            let headers = [&[("api-token", *token)], headers].concat();
            let reply = self.call(path, &headers, body.to_vec()).await;
            if reply.status().code() != Code::PermissionDenied {
                return reply;
            }
        }
        panic!("{path} refuses all tokens");
    }

    /// Sends a request with only these headers.
    ///
    /// # Panics
    /// Panics if the request is not HTTP, or the server does not answer.
    #[expect(clippy::expect_used, reason = "a server that answers nothing has failed its test")]
    pub async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Bytes) -> Reply {
        let mut request = Request::builder().method(method).uri(format!("http://localhost{path}"));
        for (name, value) in headers {
            let value = HeaderValue::from_bytes(value.as_bytes()).expect("a header's value");
            request = request.header(*name, value);
        }
        let request = request.body(()).expect("a request");
        let mut send = self.0.clone().ready().await.expect("the connection stands");
        let (response, mut stream) = send.send_request(request, false).expect("the connection stands");
        // A server that has already answered may refuse the body.
        let _ = stream.send_data(body, true);
        let (head, mut body) = response.await.expect("the server answers").into_parts();
        let mut data = Vec::new();
        while let Some(Ok(chunk)) = body.data().await {
            // Without the release, an answer larger than the window never ends.
            let _ = body.flow_control().release_capacity(chunk.len());
            data.extend_from_slice(&chunk);
        }
        // A stream that the server reset after its answer has no trailers.
        let trailers = body.trailers().await.ok().flatten();
        Reply { http: head.status, headers: head.headers, data, trailers }
    }
}

impl Reply {
    /// Returns the gRPC status, from the trailers, or from the headers if there are no trailers.
    ///
    /// # Panics
    /// Panics if there is no status.
    #[expect(clippy::expect_used, reason = "a test without a status in the answer has failed")]
    pub fn status(&self) -> Status {
        Status::from_header_map(self.trailers.as_ref().unwrap_or(&self.headers)).expect("a gRPC status")
    }

    /// Returns the bytes of the first message, or the status of a failed call.
    ///
    /// # Panics
    /// Panics if a successful call has no message.
    #[expect(clippy::expect_used, reason = "an answer without a message has failed its test")]
    pub fn message(&self) -> Result<Bytes, Status> {
        let status = self.status();
        if status.code() != Code::Ok {
            return Err(status);
        }
        let (head, rest) = self.data.split_first_chunk::<FRAME_HEAD_BYTES>().expect("a message's frame");
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
        let message = usize::try_from(length).ok().and_then(|length| rest.get(..length));
        Ok(Bytes::copy_from_slice(message.expect("a whole message")))
    }
}
