//! gRPC-Web over HTTP/1.1, as browsers use it.

use crate::support::World;

const PAGE: (&str, &str) = ("origin", "https://depot.example.com");
const WEB: (&str, &str) = ("content-type", "application/grpc-web+proto");

/// `GetItemRequest { item: "lamp" }` in a gRPC frame.
const LAMP: &[u8] = b"\0\0\0\0\x06\x0a\x04lamp";

#[tokio::test]
async fn page_calls_an_open_method() {
    let world = World::start().await;
    let answer = world.http("POST /depot.v1.DepotService/GetItem", &[PAGE, WEB], LAMP).await;
    assert!(answer.starts_with("http/1.1 200"), "{answer}");
    assert!(answer.contains("content-type: application/grpc-web+proto"), "{answer}");
    assert!(answer.contains("grpc-status:0"), "{answer}");
    assert!(answer.contains("access-control-allow-origin: https://depot.example.com"), "{answer}");
}

#[tokio::test]
async fn page_sees_why_the_guard_refuses() {
    let world = World::start().await;
    let answer = world.http("POST /depot.v1.DepotService/WatchItem", &[PAGE, WEB], LAMP).await;
    assert!(answer.contains("grpc-status: 16"), "{answer}");
    assert!(answer.contains("access-control-expose-headers: grpc-status,grpc-message"), "{answer}");
    let token = world.visitor();
    let headers = [PAGE, WEB, ("api-token", token.expose())];
    world.auth.revoke(&token);
    let answer = world.http("POST /depot.v1.DepotService/GetItem", &headers, LAMP).await;
    assert!(answer.contains("grpc-status: 16"), "{answer}");
}

#[tokio::test]
async fn preflight_needs_no_token() {
    let world = World::start().await;
    let asks = [("access-control-request-method", "POST"), ("access-control-request-headers", "api-token")];
    let headers = [&[PAGE][..], &asks].concat();
    let answer = world.http("OPTIONS /depot.v1.DepotService/WatchItem", &headers, b"").await;
    assert!(answer.starts_with("http/1.1 200"), "{answer}");
    assert!(answer.contains("access-control-allow-headers: content-type,api-token"), "{answer}");
}
