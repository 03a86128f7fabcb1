//! Requests that are not gRPC are refused before token, policy and handler.

use gatepost::Policy;
use http::{Method, Request, StatusCode, header};
use tonic::Code;

use crate::support::{CHECK, Guarded, Raw, Reply, SHOW, World};

async fn world() -> (World, Raw) {
    let world = World::start(Policy::closed().with_health()).await;
    let raw = world.server.raw().await;
    (world, raw)
}

async fn send(raw: &Raw, method: Method, path: &str, kinds: &[&str]) -> Reply {
    let mut request = Request::builder().method(method).uri(format!("http://localhost{path}"));
    request = request.header(header::TE, "trailers").header("api-token", "good");
    for kind in kinds {
        request = request.header(header::CONTENT_TYPE, *kind);
    }
    raw.send(request.body(()).unwrap()).await
}

fn assert_nothing_passed(world: &World, server: &Guarded) {
    assert_eq!(server.inside.paths(), [""; 0]);
    assert_eq!(world.auth.count(), 0, "no request was sent");
}

/// C29: another content type is answered with 415, for public and closed methods.
#[tokio::test]
async fn other_content_type_is_415() {
    let (world, raw) = world().await;
    for kinds in [
        &[][..],
        &[""],
        &["application/json"],
        &["application/grpc-web"],
        &["application/grpc-web+proto"],
        &["application/grpcx"],
        &["text/plain;application/grpc"],
        &["application/grpc", "application/grpc"],
        &["application/grpc", "application/json"],
        &["application/json", "application/grpc"],
    ] {
        for path in [CHECK, SHOW, "/no.Such/Method"] {
            let reply = send(&raw, Method::POST, path, kinds).await;
            assert_eq!(reply.http, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{kinds:?}");
            assert!(reply.data.is_empty(), "{kinds:?}");
        }
    }
    assert_nothing_passed(&world, &world.server);
}

/// C29: another HTTP method is answered with 405.
#[tokio::test]
async fn other_http_method_is_405() {
    let (world, raw) = world().await;
    for method in [Method::GET, Method::PUT, Method::OPTIONS, Method::DELETE, Method::PATCH] {
        for path in [CHECK, SHOW] {
            let reply = send(&raw, method.clone(), path, &["application/grpc"]).await;
            assert_eq!(reply.http, StatusCode::METHOD_NOT_ALLOWED, "{method}");
            assert!(reply.data.is_empty(), "{method}");
        }
    }
    assert_nothing_passed(&world, &world.server);
}

/// C29: the content type of gRPC passes with or without a subtype.
#[tokio::test]
async fn grpc_with_or_without_subtype_passes() {
    let (world, raw) = world().await;
    for kind in ["application/grpc", "application/grpc+proto"] {
        for path in [CHECK, SHOW] {
            let reply = send(&raw, Method::POST, path, &[kind]).await;
            assert_eq!(reply.status().code(), Code::Ok, "{kind} {path}");
        }
    }
    assert_eq!(world.server.inside.paths(), [CHECK, SHOW, CHECK, SHOW]);
}
