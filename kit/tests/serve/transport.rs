//! Refusals by the transport have a reason, and texts that reveal no internals (F8).

use http::Method as Http;
use kit::serve::ServerLimits;
use testkit::{Method, Raw, Reply, framed, garbage, methods};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::support::start;

const VERIFY: &str = "/gatepost.auth.v1.TokenService/VerifyToken";
const CHECK: &str = "/grpc.health.v1.Health/Check";
const WATCH: &str = "/grpc.health.v1.Health/Watch";
const REFLECT: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
const GOOD: (&str, &str) = ("api-token", "good");

/// Limit of tonic, which this server does not change.
const LIMIT: usize = 4 * 1024 * 1024;

const MALFORMED: &str = "the request cannot be read as this method's message: encode it by the contract that reflection \
                         serves, and send it whole";
const UNKNOWN_METHOD: &str = "this service has no such method: call one that reflection lists, by its full name";
const UNKNOWN_COMPRESSION: &str =
    "this service does not read this compression: send the request with gzip or uncompressed";

#[track_caller]
fn refused(reply: &Reply, code: Code, reason: &str, message: &str, why: &str) {
    // Only headers, each of them once.
    assert!(reply.trailers.is_none() && reply.data.is_empty(), "{why}: {reply:?}");
    for name in ["grpc-status", "grpc-message", "grpc-status-details-bin", "content-type"] {
        assert_eq!(reply.headers.get_all(name).iter().count(), 1, "{why}: {name}");
    }
    let status: Status = reply.status();
    let info = status.get_details_error_info().unwrap();
    let seen = (status.code(), info.reason.as_str(), info.domain.as_str(), status.message());
    assert_eq!(seen, (code, reason, "auth.gatepost.dev", message), "{why}");
}

async fn raw() -> (super::support::TestServer, Raw) {
    let server = start(ServerLimits::default()).await;
    let raw = server.raw().await;
    (server, raw)
}

/// F8: the status of garbage names no field.
#[tokio::test]
async fn garbage_is_invalid_argument() {
    let (_server, raw) = raw().await;
    let verify = methods(gatepost::api::DESCRIPTOR_SET, "gatepost.auth.v1")
        .into_iter()
        .find(|method| method.path == VERIFY)
        .unwrap();
    assert_eq!(verify.strings, [1], "the request has one field of text");
    let health = [CHECK, WATCH].map(|path| Method { path: path.into(), is_stream: path == WATCH, strings: vec![1] });
    for method in health.iter().chain([&verify]) {
        for (what, body) in garbage(method) {
            let why = format!("{}: {what}", method.path);
            let reply = raw.call(&method.path, &[], body).await;
            refused(&reply, Code::InvalidArgument, "MALFORMED_REQUEST", MALFORMED, &why);
        }
    }
}

/// F8: too large messages are refused.
#[tokio::test]
async fn message_above_the_limit_is_resource_exhausted() {
    let (_server, raw) = raw().await;
    let message = "the request is larger than this service takes: send less in one call";
    let whole = framed(&vec![0x7a; LIMIT + 1]);
    // The head of the frame is enough: the server does not wait for the message.
    for body in [whole.clone(), whole.slice(..5)] {
        let reply = raw.call(VERIFY, &[], body).await;
        refused(&reply, Code::ResourceExhausted, "MESSAGE_TOO_LARGE", message, "one byte too many");
    }
    // An unknown field of the largest size, after its key of two bytes and its length of four.
    let mut largest = vec![0xfa, 0x7f, 0xfa, 0xff, 0xff, 0x01];
    largest.resize(LIMIT, 0);
    assert!(raw.unary(VERIFY, &[], &largest).await.is_ok(), "the largest message passes");
}

#[tokio::test]
async fn unknown_method_is_unimplemented_behind_the_guard() {
    let (_server, raw) = raw().await;
    for path in ["/gatepost.auth.v1.TokenService/No", "/no.Such/Method", "/grpc.health.v1.Health/No", "/", "/a/b/c"] {
        let reply = raw.call(path, &[GOOD], framed(b"")).await;
        refused(&reply, Code::Unimplemented, "UNIMPLEMENTED", UNKNOWN_METHOD, path);
        let reply = raw.call(path, &[], framed(b"")).await;
        refused(&reply, Code::Unauthenticated, "TOKEN_MISSING", "Authentication token not provided", path);
    }
}

#[tokio::test]
async fn unknown_compression_is_unimplemented() {
    let (_server, raw) = raw().await;
    for path in [VERIFY, CHECK, WATCH, REFLECT] {
        for encoding in ["zstd", "deflate", "GZIP", "canary"] {
            let reply = raw.call(path, &[("grpc-encoding", encoding)], framed(b"")).await;
            refused(&reply, Code::Unimplemented, "UNIMPLEMENTED", UNKNOWN_COMPRESSION, path);
            assert_eq!(reply.headers["grpc-accept-encoding"], "identity,gzip");
        }
    }
    let body = [&[1, 0, 0, 0, 1], &b"a"[..]].concat();
    let reply = raw.call(VERIFY, &[("grpc-encoding", "identity")], body).await;
    refused(&reply, Code::InvalidArgument, "MALFORMED_REQUEST", MALFORMED, "compressed flag without a compression");
}

#[tokio::test]
async fn reflection_ends_its_stream_on_garbage() {
    let (_server, raw) = raw().await;
    for (what, body) in garbage(&Method { path: REFLECT.into(), is_stream: true, strings: vec![1] }) {
        let reply = raw.call(REFLECT, &[], body).await;
        // In this case a valid, empty request comes first, which reflection itself refuses.
        let expected = if what == "something after the message" { Code::InvalidArgument } else { Code::Ok };
        assert_eq!((reply.status().code(), reply.data.len()), (expected, 0), "{what}");
    }
}

#[tokio::test]
async fn health_and_reflection_keep_their_statuses() {
    let (_server, raw) = raw().await;
    for path in [CHECK, WATCH] {
        let status = raw.unary(path, &[], b"\x0a\x02no").await.unwrap_err();
        assert_eq!(
            (status.code(), status.message(), status.details().len()),
            (Code::NotFound, "service not registered", 0)
        );
    }
    let status = raw.unary(REFLECT, &[], b"\x22\x02no").await.unwrap_err();
    assert_eq!((status.code(), status.details().len()), (Code::NotFound, 0));
}

#[tokio::test]
async fn request_without_grpc_gets_only_an_http_status() {
    let (_server, raw) = raw().await;
    for (method, kind, status) in [
        (Http::GET, "application/grpc", 405),
        (Http::PUT, "application/grpc", 405),
        (Http::POST, "application/json", 415),
        (Http::POST, "application/grpc-web+proto", 415),
    ] {
        let reply = raw.send(method.clone(), VERIFY, &[("content-type", kind)], framed(b"")).await;
        assert_eq!(reply.http.as_u16(), status, "{method} {kind}");
        assert!(!reply.headers.contains_key("grpc-status") && reply.data.is_empty(), "{reply:?}");
    }
}
