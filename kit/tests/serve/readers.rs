//! Slow readers: a reader that takes no bytes loses its answer, and the server's memory for it is limited.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use gatepost::api::auth::v1::VerifyTokenRequest;
use h2::client::{ResponseFuture, SendRequest};
use h2::{Reason, RecvStream, SendStream};
use http::Request;
use kit::serve::{MemoryLimits, ServerLimits};
use prost::Message as _;
use testkit::framed;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tonic::Status;
use tonic_types::StatusExt as _;

use super::support::start;

const VERIFY: &str = "/gatepost.auth.v1.TokenService/VerifyToken";
const WATCH: &str = "/grpc.health.v1.Health/Watch";
const REFLECT: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";

const SHORT: Duration = Duration::from_millis(50);

/// Client that gives each answer a fixed window and never grows it.
struct StalledReader(SendRequest<Bytes>);

impl StalledReader {
    async fn connect(address: SocketAddr, window: u32) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        let mut builder = h2::client::Builder::new();
        let (send, connection) = builder.initial_window_size(window).handshake(stream).await.unwrap();
        tokio::spawn(connection);
        Self(send)
    }

    /// Sends a request with its message. Without a message the stream stays open.
    async fn open(&self, path: &str, message: Option<&[u8]>) -> (ResponseFuture, SendStream<Bytes>) {
        let request = Request::post(format!("http://localhost{path}")).header("content-type", "application/grpc");
        let mut send = self.0.clone().ready().await.unwrap();
        let (response, mut stream) = send.send_request(request.body(()).unwrap(), false).unwrap();
        if let Some(message) = message {
            stream.send_data(framed(message), path != REFLECT).unwrap();
        }
        (response, stream)
    }

    async fn ask(&self, token: &str) -> (ResponseFuture, SendStream<Bytes>) {
        self.open(VERIFY, Some(&VerifyTokenRequest { token: token.into() }.encode_to_vec())).await
    }
}

/// Returns the reason with which the server resets the stream of this answer.
async fn reset(response: ResponseFuture) -> Option<Reason> {
    ended(response.await.unwrap().into_body()).await
}

/// Returns the reason with which the server resets the stream of this body.
async fn ended(mut body: RecvStream) -> Option<Reason> {
    loop {
        match body.data().await {
            Some(Ok(_)) => {}
            Some(Err(error)) => return error.reason(),
            None => return None,
        }
    }
}

fn short_limits() -> ServerLimits {
    ServerLimits { reading: (SHORT, Duration::from_hours(1)), ..ServerLimits::default() }
}

#[tokio::test]
async fn answer_that_is_not_read_is_reset() {
    let server = start(short_limits()).await;
    for (window, bytes) in [(0, 10), (1, 10), (1, 60_000), (16_384, 60_000)] {
        let reader = StalledReader::connect(server.address, window).await;
        let (response, _stream) = reader.ask(&format!("answer:{bytes}")).await;
        assert_eq!(reset(response).await, Some(Reason::ENHANCE_YOUR_CALM), "{window} {bytes}");
        let (response, _stream) = reader.ask("hang").await;
        drop(response);
        let (response, _stream) = reader.open(VERIFY, None).await;
        drop(response);
    }
    assert_eq!(ServerLimits::default().reading, (Duration::from_secs(15), Duration::from_mins(1)));
}

#[tokio::test]
async fn streams_that_are_not_read_are_reset() {
    let server = start(short_limits()).await;
    let reader = StalledReader::connect(server.address, 1).await;
    let (response, _stream) = reader.open(WATCH, Some(b"")).await;
    assert_eq!(reset(response).await, Some(Reason::ENHANCE_YOUR_CALM), "health");
    // Field 7, `list_services`, with the text `*`.
    let (response, _stream) = reader.open(REFLECT, Some(&[0x3a, 1, b'*'])).await;
    assert_eq!(reset(response).await, Some(Reason::ENHANCE_YOUR_CALM), "reflection");
}

#[tokio::test]
async fn stream_without_a_message_gets_its_headers() {
    let server = start(ServerLimits { answer_memory: TIGHT, ..ServerLimits::default() }).await;
    let reader = StalledReader::connect(server.address, 1).await;
    let mut streams = Vec::new();
    // If each stream held an ordinary answer, these would be more than the connection's small bytes.
    for _ in 0..30 {
        let (response, stream) = reader.open(REFLECT, None).await;
        streams.push((response.await.unwrap(), stream));
    }
}

#[tokio::test]
async fn answer_has_a_deadline_until_its_last_byte() {
    let server = start(ServerLimits { reading: (Duration::from_hours(1), SHORT), ..ServerLimits::default() }).await;
    let reader = StalledReader::connect(server.address, 1).await;
    let (response, _stream) = reader.ask("answer:60000").await;
    assert_eq!(reset(response).await, Some(Reason::ENHANCE_YOUR_CALM));
}

#[tokio::test]
async fn connection_that_reads_nothing_is_closed() {
    let server = start(short_limits()).await;
    let stream = TcpStream::connect(server.address).await.unwrap();
    let (send, connection) =
        h2::client::Builder::new().initial_window_size(0).handshake::<_, Bytes>(stream).await.unwrap();
    let connection = tokio::spawn(connection);
    let reader = StalledReader(send);
    let mut streams = Vec::new();
    for _ in 0..3 {
        streams.push(reader.ask("answer:1000").await);
    }
    // The first two stalled answers are tolerated; the third one ends the connection.
    let ended = connection.await.unwrap().unwrap_err();
    assert_eq!(ended.reason(), Some(Reason::ENHANCE_YOUR_CALM));
}

/// Room for three large messages, and a little more.
const TIGHT: MemoryLimits =
    MemoryLimits { process: 400_000, small: 1_000, connection_small: 100_000, connection_large: 100_000 };

#[tokio::test]
async fn unread_answer_makes_room_for_others() {
    let never = Duration::from_hours(1);
    let server = start(ServerLimits { answer_memory: TIGHT, reading: (never, never), ..ServerLimits::default() }).await;
    let mut unread = JoinSet::new();
    for _ in 0..3 {
        let reader = StalledReader::connect(server.address, 1).await;
        let (answer, stream) = reader.ask("reserve:90000").await;
        // An answer with headers has its room.
        let body = answer.await.unwrap().into_body();
        unread.spawn(async move {
            let reason = ended(body).await;
            drop((reader, stream));
            reason
        });
    }
    let message = VerifyTokenRequest { token: "reserve:90000".into() }.encode_to_vec();
    let answer = server.raw().await.unary(VERIFY, &[], &message).await.expect("others have room");
    assert!(answer.len() > 90_000);
    let reason = unread.join_next().await.unwrap().unwrap();
    assert_eq!(reason, Some(Reason::ENHANCE_YOUR_CALM), "the client read nothing while others waited");
}

#[tokio::test]
async fn answer_without_room_is_refused() {
    let server = start(ServerLimits { answer_memory: TIGHT, ..ServerLimits::default() }).await;
    let message = VerifyTokenRequest { token: "answer:390000".into() }.encode_to_vec();
    let status: Status = server.raw().await.unary(VERIFY, &[], &message).await.unwrap_err();
    assert_eq!(status.get_details_error_info().unwrap().reason, "OVERLOADED");
    assert!(status.get_details_retry_info().is_some());
}

/// The second reservation would need more of the turns to encode than the first one leaves.
#[tokio::test]
async fn second_reservation_does_not_wait_for_the_first() {
    let server = start(ServerLimits::default()).await;
    let message = VerifyTokenRequest { token: "again:3000000".into() }.encode_to_vec();
    server.raw().await.unary(VERIFY, &[], &message).await.expect("the call has given its first reservation back");
}

#[tokio::test]
async fn request_body_that_stops_makes_room_for_others() {
    let never = Duration::from_hours(1);
    let server = start(ServerLimits { request_memory: TIGHT, deadline: never, ..ServerLimits::default() }).await;
    let message = VerifyTokenRequest { token: "x".repeat(90_000) }.encode_to_vec();
    let mut stopped = JoinSet::new();
    for _ in 0..3 {
        let reader = StalledReader::connect(server.address, 65_535).await;
        let (response, mut stream) = reader.open(VERIFY, None).await;
        stream.send_data(framed(&message).slice(..20_000), false).unwrap();
        stopped.spawn(async move {
            let head = response.await.unwrap().into_parts().0;
            drop((reader, stream));
            Status::from_header_map(&head.headers).unwrap()
        });
    }
    let others = server.raw().await;
    let refused = tokio::select! {
        refused = stopped.join_next() => refused.unwrap().unwrap(),
        // There is room for these until the stopped ones have taken theirs.
        () = async { loop { others.unary(VERIFY, &[], &message).await.unwrap(); } } => unreachable!(),
    };
    assert_eq!(refused.get_details_error_info().unwrap().reason, "OVERLOADED");
}

#[tokio::test]
async fn length_beyond_all_limits_is_refused_at_once() {
    let server = start(ServerLimits::default()).await;
    let whole = framed(&VerifyTokenRequest { token: "x".into() }.encode_to_vec());
    let body = [&whole[..], &[0x10, 0xff, 0xff, 0xff, 0xff, 1, 2, 3]].concat();
    let reply = server.raw().await.call(VERIFY, &[], body).await;
    assert_eq!(reply.status().get_details_error_info().unwrap().reason, "MALFORMED_REQUEST");
}
