//! Closed methods: only an exact path in the policy opens a method.

use gatepost::{Policy, Rule};
use tonic::Code;

use crate::support::{CHECK, Refused, SHOW, WATCH, World};

const REFLECTION: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";

/// C23: only callers with a token learn that a method does not exist.
#[tokio::test]
async fn missing_method_is_unknown_only_to_token_holders() {
    let world = World::start(Policy::closed().with_health()).await;
    let raw = world.server.raw().await;
    for path in ["/no.Such/Method", "/guard.test.Probe/NoSuch", "/grpc.health.v1.Health/NoSuch", REFLECTION, "/x", "/"]
    {
        Refused::TOKEN_MISSING.is(&raw.call(path, &[]).await.status());
        assert_eq!(world.server.inside.paths(), [""; 0], "{path}");
    }
    for path in ["/no.Such/Method", "/guard.test.Probe/NoSuch", "/grpc.health.v1.Health/NoSuch", REFLECTION, "/x", "/"]
    {
        assert_eq!(raw.call_as_ada(path).await.status().code(), Code::Unimplemented, "{path}");
    }
}

/// C23: an existing method without a row needs a token.
#[tokio::test]
async fn method_without_row_needs_a_token() {
    let world = World::start(Policy::closed()).await;
    let raw = world.server.raw().await;
    for path in [CHECK, WATCH, SHOW] {
        Refused::TOKEN_MISSING.is(&raw.call(path, &[]).await.status());
    }
    for path in [CHECK, SHOW] {
        assert_eq!(raw.call_as_ada(path).await.status().code(), Code::Ok, "{path}");
    }
    assert_eq!(world.server.inside.paths(), [CHECK, SHOW]);
}

/// C23: a public method needs no token and ignores a bad one.
#[tokio::test]
async fn public_method_ignores_tokens() {
    let world = World::start(Policy::closed().with_health()).await;
    let raw = world.server.raw().await;
    for headers in [&[("api-token", &b"forged"[..])][..], &[("api-token", b"a"), ("api-token", b"b")], &[]] {
        assert_eq!(raw.call(CHECK, headers).await.status().code(), Code::Ok);
    }
    assert_eq!(world.auth.count(), 0);
}

/// C23: another spelling of a public path is closed.
#[tokio::test]
async fn other_spelling_of_a_public_path_is_closed() {
    let world = World::start(Policy::closed().with_health()).await;
    let raw = world.server.raw().await;
    for path in [
        "//grpc.health.v1.Health/Check",
        "/grpc.health.v1.Health//Check",
        "/grpc.health.v1.Health/Check/",
        "/grpc.health.v1.Health/./Check",
        "/x/../grpc.health.v1.Health/Check",
        "/grpc.health.v1.Health/%43heck",
        "/grpc.health.v1.Health%2FCheck",
        "/grpc.health.v1.Health/check",
        "/GRPC.health.v1.Health/Check",
        "/grpc.health.v1.Health/Check%00",
        "/grpc.health.v1.Health/Check;x",
    ] {
        Refused::TOKEN_MISSING.is(&raw.call(path, &[]).await.status());
        assert_eq!(raw.call_as_ada(path).await.status().code(), Code::Unimplemented, "{path}");
    }
}

/// C23: a query neither opens a closed method nor closes a public one.
#[tokio::test]
async fn query_changes_no_rule() {
    let world = World::start(Policy::closed().rule(CHECK, Rule::Public)).await;
    let raw = world.server.raw().await;
    for query in ["?", "?x=1", "?/grpc.health.v1.Health/Check", "?x=/../Check"] {
        Refused::TOKEN_MISSING.is(&raw.call(&format!("{SHOW}{query}"), &[]).await.status());
        Refused::TOKEN_INVALID.is(&raw.call(&format!("{SHOW}{query}"), &[("api-token", b"forged")]).await.status());
    }
    assert_eq!(world.server.inside.paths(), [""; 0]);
    for query in ["?", "?x=1", "?/guard.test.Probe/Show"] {
        assert_eq!(raw.call(&format!("{CHECK}{query}"), &[]).await.status().code(), Code::Ok, "{query}");
    }
    assert_eq!(world.server.inside.paths(), [CHECK; 3]);
}
