//! A client that sends whatever a test says, where a proper gRPC client would not, and that keeps no deadline of its own.

use std::net::SocketAddr;

use h2::client::SendRequest;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use prost::Message;
use tokio::net::TcpStream;
use tonic::codegen::Bytes;
use tonic::{Code, Status};

/// A message's bytes in gRPC's frame: a byte that says whether they are compressed, and their length in four.
const FRAME: usize = 5;

/// An HTTP/2 connection.
#[derive(Clone)]
pub struct Raw(SendRequest<Bytes>);

/// All that came back.
#[derive(Debug)]
pub struct Reply {
    /// The HTTP status.
    pub http: StatusCode,
    /// The response's headers.
    pub headers: HeaderMap,
    /// The messages, in their frames.
    pub data: Vec<u8>,
    /// The response's trailers.
    pub trailers: Option<HeaderMap>,
}

/// A message in gRPC's frame, uncompressed.
///
/// # Panics
/// When the message is longer than the frame can say.
#[expect(clippy::expect_used, reason = "no test sends 4 GiB")]
pub fn framed(message: &[u8]) -> Bytes {
    let length = u32::try_from(message.len()).expect("at most 4 GiB");
    [&[0], &length.to_be_bytes()[..], message].concat().into()
}

impl Raw {
    /// Connects over TCP.
    ///
    /// # Panics
    /// When nobody listens there.
    #[expect(clippy::expect_used, reason = "a test without its server has failed")]
    pub async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.expect("the server listens");
        let (send, connection) = h2::client::handshake(stream).await.expect("the server speaks HTTP/2");
        tokio::spawn(connection);
        Self(send)
    }

    /// Calls the method at `path` with one message, by its bytes: the answer's bytes, or the status.
    ///
    /// # Panics
    /// As [`Raw::send`].
    pub async fn unary(&self, path: &str, headers: &[(&str, &str)], message: &[u8]) -> Result<Bytes, Status> {
        self.call(path, headers, framed(message)).await.message()
    }

    /// Calls the method at `path` with one message: the answer, or the status.
    ///
    /// # Panics
    /// As [`Raw::send`], and when the answer is none of this type.
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

    /// Calls the method at `path` with this body, in whatever frames it has, and these headers beside the usual ones.
    ///
    /// # Panics
    /// As [`Raw::send`].
    pub async fn call(&self, path: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Reply {
        let mut all = vec![("content-type", "application/grpc"), ("te", "trailers")];
        all.extend_from_slice(headers);
        self.send(Method::POST, path, &all, body.into()).await
    }

    /// Calls the method as each of these tokens' bearers, until one of them is let in.
    ///
    /// # Panics
    /// As [`Raw::send`], and if none of them is let in.
    pub async fn call_as(&self, tokens: &[&str], path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        for token in tokens {
            let headers = [&[("api-token", *token)], headers].concat();
            let reply = self.call(path, &headers, body.to_vec()).await;
            if reply.status().code() != Code::PermissionDenied {
                return reply;
            }
        }
        panic!("{path} lets nobody in");
    }

    /// Sends a request with these headers and no others.
    ///
    /// # Panics
    /// When the request is no HTTP, or the server answers it with nothing at all.
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
        // A server that has answered already may not want it any more.
        let _ = stream.send_data(body, true);
        let (head, mut body) = response.await.expect("the server answers").into_parts();
        let mut data = Vec::new();
        while let Some(Ok(chunk)) = body.data().await {
            // Without it an answer beyond the window would never end.
            let _ = body.flow_control().release_capacity(chunk.len());
            data.extend_from_slice(&chunk);
        }
        // A stream that was reset after its answer has none: the server wanted no more of the request.
        let trailers = body.trailers().await.ok().flatten();
        Reply { http: head.status, headers: head.headers, data, trailers }
    }
}

impl Reply {
    /// The gRPC status, from the trailers or, when nothing else was sent, from the headers.
    ///
    /// # Panics
    /// When there is none.
    #[expect(clippy::expect_used, reason = "an answer without a status has failed its test")]
    pub fn status(&self) -> Status {
        Status::from_header_map(self.trailers.as_ref().unwrap_or(&self.headers)).expect("a gRPC status")
    }

    /// The first message's bytes, or the status of a call that failed.
    ///
    /// # Panics
    /// When there is neither: a call that succeeds has a message.
    #[expect(clippy::expect_used, reason = "an answer without a message has failed its test")]
    pub fn message(&self) -> Result<Bytes, Status> {
        let status = self.status();
        if status.code() != Code::Ok {
            return Err(status);
        }
        let (head, rest) = self.data.split_first_chunk::<FRAME>().expect("a message's frame");
        let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
        let message = usize::try_from(length).ok().and_then(|length| rest.get(..length));
        Ok(Bytes::copy_from_slice(message.expect("a whole message")))
    }
}
