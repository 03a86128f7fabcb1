//! Every RPC refuses malformed requests with a reason, in words that reveal nothing about the service (F8).

use testkit::{Raw, framed, garbage, gzipped, methods};
use tonic::Code;

use super::support::{ADA, Service, refused, start};

const PACKAGE: &str = "gatepost.blog.v1";
const DOMAIN: &str = "blog.gatepost.dev";

/// 1.25 MiB, the largest request.
const LIMIT: u32 = 1024 * 1024 + 256 * 1024;

const UNKNOWN_METHOD: &str = "this service has no such method: call one that reflection lists, by its full name";
const UNKNOWN_COMPRESSION: &str =
    "this service does not read this compression: send the request with gzip or uncompressed";

/// A user, and a service.
const CALLERS: [&str; 2] = [ADA, "service"];

async fn ready() -> (Service, Raw) {
    let service = start().await;
    let raw = Raw::connect(service.address).await;
    (service, raw)
}

/// F8: garbage is `INVALID_ARGUMENT` for every method.
#[tokio::test]
async fn garbage_is_invalid_argument_for_every_method() {
    let (_service, raw) = ready().await;
    for method in methods(blog_service::api::DESCRIPTOR_SET, PACKAGE) {
        for (what, body) in garbage(&method) {
            println!("{}: {what}", method.path);
            let reply = raw.call_as(&CALLERS, &method.path, &[], &body).await;
            let message = "the request cannot be read as this method's message: encode it by the contract that \
                           reflection serves, and send it whole";
            refused(&reply.status(), Code::InvalidArgument, "MALFORMED_REQUEST", DOMAIN, message);
        }
    }
}

/// F8: a message above its limit is `RESOURCE_EXHAUSTED` for every method.
#[tokio::test]
async fn message_above_its_limit_is_resource_exhausted() {
    let (_service, raw) = ready().await;
    let message = "the request is larger than this service takes: send less in one call";
    let head = [&[0], &(LIMIT + 1).to_be_bytes()[..]].concat();
    let whole = framed(&vec![b'a'; LIMIT as usize + 1]);
    for method in methods(blog_service::api::DESCRIPTOR_SET, PACKAGE) {
        for body in [&head[..], &whole] {
            let reply = raw.call_as(&CALLERS, &method.path, &[], body).await;
            refused(&reply.status(), Code::ResourceExhausted, "MESSAGE_TOO_LARGE", DOMAIN, message);
        }
    }
}

/// F8: the limit holds for the decompressed message, whose size its bytes do not show.
#[tokio::test]
async fn zip_bomb_is_resource_exhausted() {
    let (_service, raw) = ready().await;
    let message = "the request is larger than this service takes: send less in one call";
    let bomb = gzipped(&vec![b'a'; LIMIT as usize + 1]);
    for method in methods(blog_service::api::DESCRIPTOR_SET, PACKAGE) {
        let reply = raw.call_as(&CALLERS, &method.path, &[("grpc-encoding", "gzip")], &bomb).await;
        refused(&reply.status(), Code::ResourceExhausted, "MESSAGE_TOO_LARGE", DOMAIN, message);
    }
}

#[tokio::test]
async fn unknown_compression_is_unimplemented() {
    let (_service, raw) = ready().await;
    for method in methods(blog_service::api::DESCRIPTOR_SET, PACKAGE) {
        let reply = raw.call_as(&CALLERS, &method.path, &[("grpc-encoding", "zstd")], &framed(b"")).await;
        refused(&reply.status(), Code::Unimplemented, "UNIMPLEMENTED", DOMAIN, UNKNOWN_COMPRESSION);
        assert_eq!(reply.headers["grpc-accept-encoding"], "identity,gzip");
    }
}

/// C23: an unknown method needs a token, and then is `UNIMPLEMENTED`.
#[tokio::test]
async fn unknown_method_needs_a_token_to_be_unimplemented() {
    const GUARD: &str = "auth.gatepost.dev";
    let (_service, raw) = ready().await;
    for path in ["/gatepost.blog.v1.PostService/Canary", "/gatepost.blog.v1.Canary/GetPost"] {
        let status = raw.unary(path, &[], b"").await.unwrap_err();
        refused(&status, Code::Unauthenticated, "TOKEN_MISSING", GUARD, "Authentication token not provided");
        let status = raw.unary(path, &[("api-token", "canary")], b"").await.unwrap_err();
        refused(&status, Code::Unauthenticated, "TOKEN_INVALID", GUARD, "invalid token");
        let status = raw.unary(path, &[("api-token", ADA)], b"").await.unwrap_err();
        refused(&status, Code::Unimplemented, "UNIMPLEMENTED", DOMAIN, UNKNOWN_METHOD);
    }
}

#[tokio::test]
async fn user_method_on_this_port_points_to_auth() {
    let (_service, raw) = ready().await;
    for method in methods(gatepost::api::DESCRIPTOR_SET, "gatepost.auth.v1") {
        for headers in [&[][..], &[("api-token", "canary")], &[("api-token", ADA)]] {
            let status = raw.unary(&method.path, headers, b"").await.unwrap_err();
            let message = "gatepost.auth.v1 is not served on this port: call auth-service, on port 50051 unless \
                           AUTH_LISTEN says otherwise";
            refused(&status, Code::Unimplemented, "UNIMPLEMENTED", DOMAIN, message);
        }
    }
}
