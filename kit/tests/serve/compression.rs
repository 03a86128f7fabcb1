//! gzip: requests are read within the limits of plain ones, and answers are compressed if the client asks.

use bytes::Bytes;
use gatepost::api::auth::v1::{VerifyTokenRequest, VerifyTokenResponse};
use kit::serve::{MemoryLimits, ServerLimits};
use prost::Message as _;
use testkit::{Raw, framed, gunzipped, gzipped};
use tonic::Code;
use tonic_types::StatusExt as _;

use super::support::{start, start_with};

const VERIFY: &str = "/gatepost.auth.v1.TokenService/VerifyToken";
const CHECK: &str = "/grpc.health.v1.Health/Check";
const REFLECT: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";

/// Header of a compressed request.
const COMPRESSED: (&str, &str) = ("grpc-encoding", "gzip");

/// Header of a client that reads compressed answers, as gRPC's C core sends it.
const ASKED: (&str, &str) = ("grpc-accept-encoding", "identity, deflate, gzip");

/// Limit of a message in these tests.
const LIMIT: usize = 256 * 1024;

fn request(token: &str) -> Vec<u8> {
    VerifyTokenRequest { token: token.into() }.encode_to_vec()
}

async fn raw() -> Raw {
    start(ServerLimits { message: LIMIT, ..ServerLimits::default() }).await.raw().await
}

#[tokio::test]
async fn compressed_request_is_read() {
    let raw = raw().await;
    let good = raw.call(VERIFY, &[COMPRESSED], gzipped(&request("answer:10"))).await;
    assert_eq!(VerifyTokenResponse::decode(good.message().unwrap()).unwrap().claims.unwrap().subject, "x".repeat(10));
    let large = gzipped(&request(&"x".repeat(LIMIT - 100)));
    assert!(raw.call(VERIFY, &[COMPRESSED], large).await.message().is_ok(), "a large message waits for its room");
    let plain = raw.call(VERIFY, &[COMPRESSED], framed(&request(""))).await;
    assert!(plain.message().is_ok(), "a message without the flag is plain");
    assert!(raw.call(CHECK, &[COMPRESSED], gzipped(b"")).await.message().is_ok());
    // `list_services`, twice on one stream.
    let twice = [gzipped(&[0x3a, 1, b'*']), framed(&[0x3a, 1, b'*']), gzipped(&[0x3a, 1, b'*'])].concat();
    let listed = raw.call(REFLECT, &[COMPRESSED], twice).await;
    assert_eq!((listed.status().code(), listed.data.len() % 3), (Code::Ok, 0));
}

#[tokio::test]
async fn compressed_request_of_incompressible_bytes_is_read() {
    let raw = raw().await;
    // An unknown field of 100 KB, after its key of two bytes and its length of three.
    let mut message = vec![0xfa, 0x7f, 0xa0, 0x8d, 0x06];
    let mut state = 1_u32;
    message.extend((0..100_000).map(|_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    }));
    let body = gzipped(&message);
    assert!(body.len() > 100_000);
    assert!(raw.call(VERIFY, &[COMPRESSED], body).await.message().is_ok());
}

#[tokio::test]
async fn zip_bomb_ends_at_the_limit_of_messages() {
    let raw = raw().await;
    for bytes in [LIMIT + 1, 64 * 1024 * 1024] {
        let reply = raw.call(VERIFY, &[COMPRESSED], gzipped(&vec![0; bytes])).await;
        let status = reply.status();
        assert_eq!(status.get_details_error_info().unwrap().reason, "MESSAGE_TOO_LARGE", "{bytes}: {status:?}");
    }
    let length = [&[1][..], &(u32::try_from(LIMIT).unwrap() + 1).to_be_bytes()].concat();
    let reply = raw.call(VERIFY, &[COMPRESSED], length).await;
    assert_eq!(
        reply.status().get_details_error_info().unwrap().reason,
        "MESSAGE_TOO_LARGE",
        "the announced length is enough"
    );
}

/// A message with this token and 90,000 bytes more, in a few compressed bytes.
fn bloated(token: &str) -> Bytes {
    // An unknown field, after its key of two bytes and its length of three.
    gzipped(&[&request(token)[..], &[0xfa, 0x7f, 0x90, 0xbf, 0x05], &vec![0; 90_000]].concat())
}

#[tokio::test]
async fn compressed_message_waits_for_the_room_of_its_size() {
    let room = MemoryLimits { connection_large: 100_000, ..ServerLimits::default().request_memory };
    let raw = start(ServerLimits { request_memory: room, ..ServerLimits::default() }).await.raw().await;
    let begin = |token| {
        let raw = raw.clone();
        let body = bloated(token);
        assert!(body.len() < 300);
        tokio::spawn(async move { raw.call(VERIFY, &[COMPRESSED], body).await.status().code() })
    };
    let holding = begin("hang");
    tokio::task::yield_now().await;
    let waiting = begin("");
    for _ in 0..3 {
        assert!(raw.call(VERIFY, &[], framed(&request(""))).await.message().is_ok());
    }
    assert!(!waiting.is_finished(), "the memory is in use");
    holding.abort();
    assert_eq!(waiting.await.unwrap(), Code::Ok);
}

#[tokio::test]
async fn damaged_compression_is_malformed() {
    let raw = raw().await;
    let good = gzipped(&request("answer:10"));
    let cut = good.slice(..good.len() - 1);
    let mut damaged = good.to_vec();
    damaged[20] ^= 0xff;
    for body in [cut.to_vec(), damaged, vec![1, 0, 0, 0, 1, 7], vec![2, 0, 0, 0, 0], vec![1, 0, 0]] {
        let status = raw.call(VERIFY, &[COMPRESSED], body).await.status();
        assert_eq!(status.get_details_error_info().unwrap().reason, "MALFORMED_REQUEST", "{status:?}");
    }
}

#[tokio::test]
async fn answer_is_compressed_for_a_client_that_asks() {
    let raw = raw().await;
    for bytes in [2_000, 300_000] {
        let body = framed(&request(&format!("reserve:{bytes}")));
        let plain = raw.call(VERIFY, &[], body.clone()).await;
        assert!(!plain.headers.contains_key("grpc-encoding"), "a client that does not ask gets a plain answer");
        let small = raw.call(VERIFY, &[ASKED], body).await;
        assert_eq!(small.headers["grpc-encoding"], "gzip");
        assert!(small.data.len() < bytes / 20);
        assert_eq!(gunzipped(&small.data).unwrap(), plain.message().unwrap());
    }
    let short = raw.call(VERIFY, &[ASKED], framed(&request("answer:100"))).await;
    assert!(!short.headers.contains_key("grpc-encoding") && short.message().is_ok(), "a short answer would grow");
}

#[tokio::test]
async fn secret_answer_is_never_compressed() {
    let server = start_with(|parts| parts.secret_answers = &[VERIFY]).await;
    let reply = server.raw().await.call(VERIFY, &[ASKED], framed(&request("answer:2000"))).await;
    assert!(!reply.headers.contains_key("grpc-encoding") && reply.message().is_ok());
}
