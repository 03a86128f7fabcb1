//! Token states of the auth service and the caller's statuses.

use gatepost::Policy;

use crate::support::{CallView, Refused, SHOW, World};

/// C28: each state has its reason, and a bad token does not count as a failure of the auth service.
#[tokio::test]
async fn each_state_has_its_reason() {
    let world = World::start(Policy::closed()).await;
    let raw = world.server.raw().await;
    for (token, expected) in [
        ("forged", Refused::TOKEN_INVALID),
        ("expired", Refused::TOKEN_EXPIRED),
        ("revoked", Refused::TOKEN_REVOKED),
        ("deleted", Refused::USER_DELETED),
        ("disabled", Refused::USER_DISABLED),
    ] {
        // Ten rejections in a row must not open the circuit breaker.
        for _ in 0..10 {
            expected.is(&raw.call(SHOW, &[("api-token", token.as_bytes())]).await.status());
        }
    }
    assert_eq!(world.server.inside.paths(), [""; 0]);
    assert_eq!(raw.call_as_ada(SHOW).await.message::<CallView>().subject.as_deref(), Some("ada"));
    assert_eq!(world.auth.count(), 51, "every call caused a request");
}

#[tokio::test]
async fn service_token_needs_no_expiry_and_no_session() {
    let world = World::start(Policy::closed()).await;
    let reply = world.server.raw().await.call(SHOW, &[("api-token", b"service")]).await;
    assert_eq!(reply.message::<CallView>().subject.as_deref(), Some("blog-service"));
}
