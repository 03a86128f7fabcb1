//! The rules of the policy, and the required audience.

use gatepost::{AuthService, GuardLayer, Policy, Rule};

use crate::support::{Auth, CallView, Guarded, Port, Raw, Refused, SHOW, World, known};

async fn subject(raw: &Raw, token: &'static [u8]) -> Option<String> {
    raw.call(SHOW, &[("api-token", token)]).await.message::<CallView>().subject
}

#[tokio::test]
async fn role_admits_only_its_holders() {
    let world = World::start(Policy::closed().rule(SHOW, Rule::role("seller"))).await;
    let raw = world.server.raw().await;
    Refused::NOT_ALLOWED.is(&raw.call_as_ada(SHOW).await.status());
    Refused::TOKEN_MISSING.is(&raw.call(SHOW, &[]).await.status());
    Refused::TOKEN_INVALID.is(&raw.call(SHOW, &[("api-token", b"forged")]).await.status());
    assert_eq!(world.server.inside.paths(), [""; 0]);
    assert_eq!(subject(&raw, b"seller").await.as_deref(), Some("ada"));
}

#[tokio::test]
async fn role_matches_only_whole_and_case_sensitive() {
    for role in ["sell", "sellers", "seller.", "seller-9"] {
        let world = World::start(Policy::closed().rule(SHOW, Rule::role(role))).await;
        let reply = world.server.raw().await.call(SHOW, &[("api-token", b"seller")]).await;
        Refused::NOT_ALLOWED.is(&reply.status());
    }
}

#[tokio::test]
async fn optional_admits_anonymous_but_no_bad_token() {
    let world = World::start(Policy::closed().rule(SHOW, Rule::Optional)).await;
    let raw = world.server.raw().await;
    assert_eq!(raw.call(SHOW, &[]).await.message::<CallView>().subject, None);
    assert_eq!(world.auth.count(), 0);
    assert_eq!(subject(&raw, b"good").await.as_deref(), Some("ada"));

    for (token, expected) in [
        (&b"forged"[..], Refused::TOKEN_INVALID),
        (b"expired", Refused::TOKEN_EXPIRED),
        (b"revoked", Refused::TOKEN_REVOKED),
        (b"not a token", Refused::TOKEN_INVALID),
        (b"elsewhere", Refused::TOKEN_INVALID),
    ] {
        expected.is(&raw.call(SHOW, &[("api-token", token)]).await.status());
    }
    let two = raw.call(SHOW, &[("api-token", b"good"), ("api-token", b"good")]).await;
    Refused::TOKEN_INVALID.is(&two.status());
    let binary = raw.call(SHOW, &[("api-token-bin", b"Z29vZA")]).await;
    Refused::TOKEN_INVALID.is(&binary.status());
    assert_eq!(world.server.inside.paths().len(), 2);
}

/// C9: a token for another audience is invalid.
#[tokio::test]
async fn token_for_another_audience_is_invalid() {
    let world = World::start(Policy::closed().rule("/a.B/C", Rule::role("seller"))).await;
    let raw = world.server.raw().await;
    for path in [SHOW, "/a.B/C"] {
        for token in [&b"elsewhere"[..], b"nowhere"] {
            Refused::TOKEN_INVALID.is(&raw.call(path, &[("api-token", token)]).await.status());
        }
    }
    assert_eq!(world.server.inside.paths(), [""; 0]);
}

#[tokio::test]
async fn guard_without_audience_admits_any() {
    let (auth, port) = (Auth::new(known), Port::reserve());
    let _running = auth.serve(port.listen());
    let guard = GuardLayer::new(Policy::closed(), AuthService::builder(port.url()).build().unwrap()).unwrap();
    let server = Guarded::start(guard).await;
    assert_eq!(subject(&server.raw().await, b"elsewhere").await.as_deref(), Some("ada"));
}
