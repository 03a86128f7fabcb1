//! Each thing the auth service may say of a token, and what the caller is told for it.

use gatepost::Policy;

use crate::support::{Refused, TELL, Told, World};

#[tokio::test]
async fn c28_each_state_has_its_reason_and_a_bad_token_is_a_normal_answer() {
    let world = World::start(Policy::closed()).await;
    let raw = world.server.raw().await;
    for (token, expected) in [
        ("forged", Refused::TOKEN_INVALID),
        ("expired", Refused::TOKEN_EXPIRED),
        ("revoked", Refused::TOKEN_REVOKED),
        ("deleted", Refused::USER_DELETED),
        ("disabled", Refused::USER_DISABLED),
    ] {
        // Ten refusals in a row must not make the guard think that the auth service is ill.
        for _ in 0..10 {
            expected.is(&raw.call(TELL, &[("api-token", token.as_bytes())]).await.status());
        }
    }
    assert_eq!(world.server.inside.paths(), [""; 0]);
    assert_eq!(raw.call_as_ada(TELL).await.message::<Told>().subject.as_deref(), Some("ada"));
    assert_eq!(world.auth.count(), 51, "every call was judged anew");
}

#[tokio::test]
async fn a_service_needs_no_expiry_and_has_no_session() {
    let world = World::start(Policy::closed()).await;
    let reply = world.server.raw().await.call(TELL, &[("api-token", b"service")]).await;
    assert_eq!(reply.message::<Told>().subject.as_deref(), Some("blog-service"));
}
