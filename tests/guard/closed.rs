//! A method is closed unless the policy names it, letter for letter, and a caller without a token learns no more.

use gatepost::{Policy, Rule};
use tonic::Code;

use crate::support::{CHECK, Refused, TELL, WATCH, World};

const REFLECTION: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";

#[tokio::test]
async fn c23_an_unlisted_method_shows_only_to_who_has_a_token_that_it_does_not_exist() {
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

#[tokio::test]
async fn c23_an_existing_method_without_a_row_needs_a_token() {
    let world = World::start(Policy::closed()).await;
    let raw = world.server.raw().await;
    for path in [CHECK, WATCH, TELL] {
        Refused::TOKEN_MISSING.is(&raw.call(path, &[]).await.status());
    }
    for path in [CHECK, TELL] {
        assert_eq!(raw.call_as_ada(path).await.status().code(), Code::Ok, "{path}");
    }
    assert_eq!(world.server.inside.paths(), [CHECK, TELL]);
}

#[tokio::test]
async fn c23_a_public_method_asks_for_nothing_and_looks_at_no_token() {
    let world = World::start(Policy::closed().with_health()).await;
    let raw = world.server.raw().await;
    for headers in [&[("api-token", &b"forged"[..])][..], &[("api-token", b"a"), ("api-token", b"b")], &[]] {
        assert_eq!(raw.call(CHECK, headers).await.status().code(), Code::Ok);
    }
    assert_eq!(world.auth.count(), 0);
}

#[tokio::test]
async fn c23_another_spelling_of_a_public_path_is_closed() {
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

#[tokio::test]
async fn c23_a_query_neither_opens_a_closed_method_nor_closes_a_public_one() {
    let world = World::start(Policy::closed().rule(CHECK, Rule::Public)).await;
    let raw = world.server.raw().await;
    for query in ["?", "?x=1", "?/grpc.health.v1.Health/Check", "?x=/../Check"] {
        Refused::TOKEN_MISSING.is(&raw.call(&format!("{TELL}{query}"), &[]).await.status());
        Refused::TOKEN_INVALID.is(&raw.call(&format!("{TELL}{query}"), &[("api-token", b"forged")]).await.status());
    }
    assert_eq!(world.server.inside.paths(), [""; 0]);
    for query in ["?", "?x=1", "?/guard.test.Probe/Tell"] {
        assert_eq!(raw.call(&format!("{CHECK}{query}"), &[]).await.status().code(), Code::Ok, "{query}");
    }
    assert_eq!(world.server.inside.paths(), [CHECK; 3]);
}
