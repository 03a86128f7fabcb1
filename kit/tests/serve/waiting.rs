//! Waiting calls and silent streams block no other caller.

use std::time::Duration;

use bytes::Bytes;
use gatepost::api::auth::v1::VerifyTokenRequest;
use h2::Reason;
use h2::client::{ResponseFuture, SendRequest};
use h2::{RecvStream, SendStream};
use http::{Request, Response};
use kit::serve::{MemoryLimits, ServerLimits};
use prost::Message as _;
use testkit::framed;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tonic::Status;
use tonic_health::pb::HealthCheckRequest;
use tonic_types::StatusExt as _;

use super::support::{TestServer, start};

const VERIFY: &str = "/gatepost.auth.v1.TokenService/VerifyToken";
const WATCH: &str = "/grpc.health.v1.Health/Watch";
const FEED: &str = "/gatepost.auth.v1.TokenService/WatchRevocations";

/// Client that leaves its requests open.
struct OpenClient(SendRequest<Bytes>);

impl OpenClient {
    async fn connect(server: &TestServer) -> Self {
        let stream = TcpStream::connect(server.address).await.unwrap();
        let (send, connection) = h2::client::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        Self(send)
    }

    /// Sends a request's headers.
    async fn begin(&self, path: &str) -> (ResponseFuture, SendStream<Bytes>) {
        let request = Request::post(format!("http://localhost{path}")).header("content-type", "application/grpc");
        self.0.clone().ready().await.unwrap().send_request(request.body(()).unwrap(), false).unwrap()
    }

    /// Opens a watch of the service's health.
    async fn watch(&self) -> Response<RecvStream> {
        let (response, mut stream) = self.begin(WATCH).await;
        stream.send_data(framed(&HealthCheckRequest::default().encode_to_vec()), true).unwrap();
        response.await.unwrap()
    }
}

fn verification() -> Vec<u8> {
    VerifyTokenRequest { token: "good".into() }.encode_to_vec()
}

#[tokio::test]
async fn request_without_its_message_holds_no_answer_room() {
    let room = MemoryLimits { process: 8 * 1024, small: 4096, connection_small: 8 * 1024, connection_large: 8 * 1024 };
    let server = start(ServerLimits { answer_memory: room, ..ServerLimits::default() }).await;
    let client = OpenClient::connect(&server).await;
    let mut begun = Vec::new();
    for _ in 0..20 {
        begun.push(client.begin(VERIFY).await);
    }
    // On the same connection, so that the other requests arrive first.
    let (answer, mut stream) = client.begin(VERIFY).await;
    stream.send_data(framed(&verification()), true).unwrap();
    assert_eq!(answer.await.unwrap().status(), 200);
    server.raw().await.unary(VERIFY, &[], &verification()).await.expect("there is room");
}

#[tokio::test]
async fn connection_has_its_share_of_the_places_to_wait() {
    let never = Duration::from_hours(1);
    let server = start(ServerLimits { waiting_calls: 4, deadline: never, ..ServerLimits::default() }).await;
    let client = OpenClient::connect(&server).await;
    let mut begun = Vec::new();
    for _ in 0..2 {
        begun.push(client.begin(VERIFY).await);
    }
    let (refused, _stream) = client.begin(VERIFY).await;
    assert_eq!(refused.await.unwrap_err().reason(), Some(Reason::REFUSED_STREAM));
    // On another connection a call waits for its message, which comes piece by piece.
    let other = OpenClient::connect(&server).await;
    let (answer, mut stream) = other.begin(VERIFY).await;
    for byte in framed(&verification()) {
        stream.send_data(Bytes::from(vec![byte]), false).unwrap();
    }
    stream.send_data(Bytes::new(), true).unwrap();
    let (head, mut body) = answer.await.unwrap().into_parts();
    assert_eq!(head.status, 200);
    assert!(!body.data().await.unwrap().unwrap().is_empty());
    // The places are given back.
    drop(begun);
    loop {
        let (answer, mut stream) = client.begin(VERIFY).await;
        if stream.send_data(framed(&verification()), true).is_ok() && answer.await.is_ok() {
            break;
        }
    }
}

/// Waits for the end of a watch after its first message. Returns the reason.
async fn refusal(watch: Response<RecvStream>) -> String {
    let mut body = watch.into_body();
    body.data().await.unwrap().unwrap();
    let trailers = body.trailers().await.unwrap().unwrap();
    Status::from_header_map(&trailers).unwrap().get_details_error_info().unwrap().reason
}

#[tokio::test]
async fn stream_beyond_the_connections_share_is_refused() {
    let server = start(ServerLimits { public_streams: 4, ..ServerLimits::default() }).await;
    let client = OpenClient::connect(&server).await;
    let mut watches = JoinSet::new();
    for _ in 0..3 {
        watches.spawn(refusal(client.watch().await));
    }
    assert_eq!(watches.join_next().await.unwrap().unwrap(), "OVERLOADED", "the third finds no place");
    let other = OpenClient::connect(&server).await;
    let mut watch = other.watch().await.into_body();
    watch.data().await.unwrap().unwrap();
    // A refusal would arrive before the next answer on this connection.
    let (answer, mut stream) = other.begin(VERIFY).await;
    stream.send_data(framed(&verification()), true).unwrap();
    assert_eq!(answer.await.unwrap().status(), 200);
    assert!(!watch.is_end_stream(), "another connection has its share");
}

#[tokio::test]
async fn silent_stream_of_the_service_has_its_own_share() {
    let server = start(ServerLimits { streams: 4, public_streams: 0, ..ServerLimits::default() }).await;
    let client = OpenClient::connect(&server).await;
    let mut held = Vec::new();
    for _ in 0..2 {
        let (answer, stream) = client.begin(FEED).await;
        held.push((answer.await.expect("the stream has a place"), stream));
    }
    let (refused, _stream) = client.begin(FEED).await;
    assert_eq!(refused.await.unwrap_err().reason(), Some(Reason::REFUSED_STREAM));
    assert_eq!((ServerLimits::default().streams, ServerLimits::default().public_streams), (4096, 1024));
}
