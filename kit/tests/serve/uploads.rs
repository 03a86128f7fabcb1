//! Large requests on one connection: those that wait for room do not block the window of those that have room.

use std::time::Duration;

use bytes::Bytes;
use gatepost::api::auth::v1::VerifyTokenRequest;
use h2::SendStream;
use h2::client::{ResponseFuture, SendRequest};
use http::Request;
use kit::serve::ServerLimits;
use prost::Message as _;
use testkit::framed;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::support::{TestServer, start};

const VERIFY: &str = "/gatepost.auth.v1.TokenService/VerifyToken";
const REFLECT: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";

/// Bytes of a large request.
const LARGE: usize = 64 * 1024;

/// Requests of this size that have room on one connection at the same time.
const WITH_ROOM: usize = 9;

/// Bytes of a request's first part, which contains its length.
const BEGINNING: usize = 1000;

/// Client that sends all its requests on one connection.
struct UploadClient(SendRequest<Bytes>);

/// Request under way, with the stream for its body.
type Begun = (ResponseFuture, SendStream<Bytes>);

impl UploadClient {
    async fn connect(server: &TestServer) -> Self {
        let stream = TcpStream::connect(server.address).await.unwrap();
        let (send, connection) = h2::client::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        Self(send)
    }

    /// Sends a request's headers and this part of its body.
    async fn send(&self, path: &str, part: Bytes, ends: bool) -> Begun {
        let request = Request::post(format!("http://localhost{path}")).header("content-type", "application/grpc");
        let mut send = self.0.clone().ready().await.unwrap();
        let (response, mut stream) = send.send_request(request.body(()).unwrap(), false).unwrap();
        stream.send_data(part, ends).unwrap();
        (response, stream)
    }

    /// Starts as many large requests as have room together.
    async fn take_all_room(&self) -> Vec<Begun> {
        let mut begun = Vec::new();
        for _ in 0..WITH_ROOM {
            begun.push(self.send(VERIFY, large().slice(..BEGINNING), false).await);
        }
        begun
    }

    /// Sends `count` whole requests.
    async fn send_whole(&self, path: &str, body: &Bytes, count: usize) -> Vec<Begun> {
        let mut whole = Vec::new();
        for _ in 0..count {
            whole.push(self.send(path, body.clone(), true).await);
        }
        whole
    }
}

/// Returns the body of a large request.
fn large() -> Bytes {
    framed(&VerifyTokenRequest { token: "x".repeat(LARGE) }.encode_to_vec())
}

/// Waits for the request's status.
async fn status((response, _stream): Begun) -> Status {
    let (head, mut body) = response.await.unwrap().into_parts();
    while let Some(data) = body.data().await {
        body.flow_control().release_capacity(data.unwrap().len()).unwrap();
    }
    let trailers = body.trailers().await.unwrap();
    Status::from_header_map(trailers.as_ref().unwrap_or(&head.headers)).unwrap()
}

/// Counts the served requests, and those that are refused for lack of room. Panics at any other answer.
async fn count(requests: Vec<Begun>) -> (usize, usize) {
    let (mut statuses, mut served, mut refused) = (requests.into_iter().map(status).collect::<JoinSet<_>>(), 0, 0);
    while let Some(status) = statuses.join_next().await {
        let status = status.unwrap();
        if status.code() == Code::Ok {
            served += 1;
            continue;
        }
        assert_eq!(status.get_details_error_info().unwrap().reason, "OVERLOADED", "{status:?}");
        assert!(status.get_details_retry_info().is_some());
        refused += 1;
    }
    (served, refused)
}

#[tokio::test]
async fn uploads_at_once_on_one_connection_succeed() {
    let server = start(ServerLimits::default()).await;
    let client = UploadClient::connect(&server).await;
    for _ in 0..5 {
        assert_eq!(count(client.send_whole(VERIFY, &large(), 32).await).await, (32, 0));
    }
}

#[tokio::test]
async fn uploads_beyond_the_queue_are_refused_at_once() {
    let server = start(ServerLimits::default()).await;
    let client = UploadClient::connect(&server).await;
    let (good, refused) = count(client.send_whole(VERIFY, &large(), 100).await).await;
    assert_eq!(good + refused, 100);
    assert!(good >= 32, "{good}");
}

/// Fills all room with started requests, and sends others behind them.
#[expect(clippy::large_types_passed_by_value, reason = "each test passes all its limits by value")]
async fn behind_begun_ones(limits: ServerLimits, path: &str, body: &Bytes) -> (usize, usize) {
    let server = start(limits).await;
    let client = UploadClient::connect(&server).await;
    let mut begun = client.take_all_room().await;
    let waiting = client.send_whole(path, body, 20).await;
    // When this request is answered, the waiting data has filled its whole part of the window.
    let (answer, _stream) = client.send(VERIFY, framed(b""), true).await;
    assert_eq!(answer.await.unwrap().status(), 200);
    for (_, stream) in &mut begun {
        stream.send_data(large().slice(BEGINNING..), true).unwrap();
    }
    // All answers are read at once, because unread ones would fill the window of the answers.
    let (begun, waiting) = tokio::join!(count(begun), count(waiting));
    assert_eq!(begun, (WITH_ROOM, 0), "the requests that have room are served");
    waiting
}

#[tokio::test]
async fn waiting_uploads_block_no_window() {
    assert_eq!(behind_begun_ones(ServerLimits::default(), VERIFY, &large()).await, (20, 0));
}

#[tokio::test]
async fn waiting_streamed_uploads_block_no_window() {
    // Field 7, `list_services`, with a long text.
    let message = [&[0x3a, 0x80, 0x80, 4][..], &vec![b'*'; LARGE]].concat();
    assert_eq!(behind_begun_ones(ServerLimits::default(), REFLECT, &framed(&message)).await, (20, 0));
}

#[tokio::test]
async fn data_that_waits_beyond_its_bytes_is_refused() {
    let limits = ServerLimits { waiting_bytes: 0, deadline: Duration::from_secs(30), ..ServerLimits::default() };
    let (good, refused) = behind_begun_ones(limits, VERIFY, &large()).await;
    assert_eq!(good + refused, 20);
    // Half of the window is for waiting data.
    assert!(good < 5, "{good}");
}
