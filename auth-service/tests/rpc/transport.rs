//! Every RPC refuses malformed requests with a reason, in words that reveal nothing about the service (F8).

use testkit::{Outsider, Raw, framed, garbage, gzipped, methods};
use tonic::Code;
use tonic_types::StatusExt as _;

use super::support::{EMAIL, PASSWORD, SERVICE_KEY, Service, Settings, refused, start, start_with};

const PACKAGE: &str = "gatepost.auth.v1";

/// 256 KiB, the largest request.
const LIMIT: u32 = 256 * 1024;

/// Returns tokens of an admin and of a service; each RPC accepts one of them.
async fn tokens(service: &Service) -> [String; 2] {
    service.register(EMAIL).await.unwrap();
    let mut outsider = Outsider::open(service.database()).await;
    outsider.run("update users set roles = 'admin'").await;
    outsider.close().await;
    let admin = service.login(EMAIL, PASSWORD).await.unwrap().tokens.unwrap().access_token;
    [admin, SERVICE_KEY.to_owned()]
}

/// Starts a service, and returns it with a connection and the tokens.
async fn ready() -> (Service, Raw, [String; 2]) {
    let service = start_with(Settings { service_key: Some(SERVICE_KEY), ..Settings::default() }).await;
    let tokens = tokens(&service).await;
    let raw = Raw::connect(service.address).await;
    (service, raw, tokens)
}

/// F8: garbage is `INVALID_ARGUMENT` for every method.
#[tokio::test]
async fn garbage_is_invalid_argument_for_every_method() {
    let (_service, raw, tokens) = ready().await;
    for method in methods(gatepost::api::DESCRIPTOR_SET, PACKAGE) {
        for (what, body) in garbage(&method) {
            println!("{}: {what}", method.path);
            let reply = raw.call_as(&tokens.each_ref().map(String::as_str), &method.path, &[], &body).await;
            let message = "the request cannot be read as this method's message: encode it by the contract that \
                           reflection serves, and send it whole";
            refused(&reply.status(), Code::InvalidArgument, "MALFORMED_REQUEST", message);
        }
    }
}

/// F8: a message above 256 KiB is `RESOURCE_EXHAUSTED` for every method.
#[tokio::test]
async fn message_above_256_kib_is_resource_exhausted() {
    let (_service, raw, tokens) = ready().await;
    let message = "the request is larger than this service takes: send less in one call";
    let head = [&[0], &(LIMIT + 1).to_be_bytes()[..]].concat();
    let whole = framed(&vec![b'a'; LIMIT as usize + 1]);
    for method in methods(gatepost::api::DESCRIPTOR_SET, PACKAGE) {
        for body in [&head[..], &whole] {
            let reply = raw.call_as(&tokens.each_ref().map(String::as_str), &method.path, &[], body).await;
            refused(&reply.status(), Code::ResourceExhausted, "MESSAGE_TOO_LARGE", message);
        }
    }
}

/// F8: the limit applies to the decompressed message, although its compressed form is small.
#[tokio::test]
async fn zip_bomb_is_resource_exhausted() {
    let (_service, raw, tokens) = ready().await;
    let message = "the request is larger than this service takes: send less in one call";
    let bomb = gzipped(&vec![b'a'; LIMIT as usize + 1]);
    for method in methods(gatepost::api::DESCRIPTOR_SET, PACKAGE) {
        let reply = raw
            .call_as(&tokens.each_ref().map(String::as_str), &method.path, &[("grpc-encoding", "gzip")], &bomb)
            .await;
        refused(&reply.status(), Code::ResourceExhausted, "MESSAGE_TOO_LARGE", message);
    }
}

#[tokio::test]
async fn unknown_compression_is_unimplemented() {
    let (_service, raw, tokens) = ready().await;
    for method in methods(gatepost::api::DESCRIPTOR_SET, PACKAGE) {
        let reply = raw
            .call_as(&tokens.each_ref().map(String::as_str), &method.path, &[("grpc-encoding", "zstd")], &framed(b""))
            .await;
        let message = "this service does not read this compression: send the request with gzip or uncompressed";
        refused(&reply.status(), Code::Unimplemented, "UNIMPLEMENTED", message);
        assert_eq!(reply.headers["grpc-accept-encoding"], "identity,gzip");
    }
}

/// C23: an unknown method needs a token, and then is `UNIMPLEMENTED`.
#[tokio::test]
async fn unknown_method_needs_a_token_to_be_unimplemented() {
    let service = start().await;
    let token = service.token().await;
    let raw = Raw::connect(service.address).await;
    for path in ["/gatepost.auth.v1.UserService/Canary", "/gatepost.auth.v1.Canary/GetMe", "/gatepost.blog.v1/GetPost"]
    {
        let status = raw.unary(path, &[], b"").await.unwrap_err();
        refused(&status, Code::Unauthenticated, "TOKEN_MISSING", "Authentication token not provided");
        let status = raw.unary(path, &[("api-token", "canary")], b"").await.unwrap_err();
        refused(&status, Code::Unauthenticated, "TOKEN_INVALID", "invalid token");
        let status = raw.unary(path, &[("api-token", &token)], b"").await.unwrap_err();
        let message = "this service has no such method: call one that reflection lists, by its full name";
        refused(&status, Code::Unimplemented, "UNIMPLEMENTED", message);
    }
}

#[tokio::test]
async fn post_method_on_this_port_points_to_the_blog() {
    let service = start().await;
    let (token, raw) = (service.token().await, Raw::connect(service.address).await);
    for method in ["GetPost", "CreatePost", "Canary"] {
        let path = format!("/gatepost.blog.v1.PostService/{method}");
        for headers in [&[][..], &[("api-token", "canary")], &[("api-token", token.as_str())]] {
            let status = raw.unary(&path, headers, b"").await.unwrap_err();
            let message = "gatepost.blog.v1 is not served on this port: call blog-service, on port 50052 unless \
                           BLOG_LISTEN says otherwise";
            refused(&status, Code::Unimplemented, "UNIMPLEMENTED", message);
            let metadata = status.get_details_error_info().unwrap().metadata;
            let facts = ["service", "default_port", "setting"].map(|name| metadata[name].as_str());
            assert_eq!(facts, ["blog-service", "50052", "BLOG_LISTEN"]);
        }
    }
}
