//! Open streams behind a guard with a revocation feed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gatepost::api::auth::v1::revocation::Target;
use gatepost::api::auth::v1::{TokenState, UserRevocation, VerifyTokenResponse};

use crate::support::{Auth, Refused, SERVING, fed, fed_by, grounded, next_status};

#[tokio::test]
async fn revocation_ends_idle_and_active_streams() {
    let user =
        |state: TokenState| Target::User(UserRevocation { user_id: "ada".into(), generation: 2, state: state.into() });
    let mut over = Vec::new();
    for (target, refusal) in [
        (Target::SessionId("session-1".into()), Refused::TOKEN_REVOKED),
        (user(TokenState::Revoked), Refused::TOKEN_REVOKED),
        (user(TokenState::UserDisabled), Refused::USER_DISABLED),
        (user(TokenState::UserDeleted), Refused::USER_DELETED),
    ] {
        for is_idle in [true, false] {
            let (world, mut fed) = fed().await;
            let mut watched = world.watch().await;
            fed.revoke(4, Target::SessionId("another-session".into())).await;
            world.set_serving(!SERVING).await;
            assert_eq!(next_status(&mut watched).await.unwrap(), !SERVING);
            fed.revoke(5, target.clone()).await;
            if !is_idle {
                world.set_serving(SERVING).await;
            }
            refusal.is(&next_status(&mut watched).await.unwrap_err());
            assert!(watched.message().await.unwrap().is_none());
            assert_eq!(world.auth.count(), 1);
            // The guard keeps reconnecting, so the next world must not get its port.
            over.push(world);
        }
    }
}

#[tokio::test]
async fn stream_with_renewals_causes_no_request() {
    let (world, mut fed) = fed().await;
    let mut watched = world.watch().await;
    for (revision, status) in [(4, !SERVING), (6, SERVING), (8, !SERVING)] {
        world.pass(1000);
        fed.renew(revision).await;
        world.pass(1000);
        world.set_serving(status).await;
        assert_eq!(next_status(&mut watched).await.unwrap(), status);
    }
    assert_eq!(world.auth.count(), 1);
}

/// C25: a stream ends when its token expires.
#[tokio::test]
async fn stream_ends_when_its_token_expires() {
    let is_over = Arc::new(AtomicBool::new(false));
    let auth = Auth::new({
        let is_over = Arc::clone(&is_over);
        move |token: &str| {
            let answer = grounded(if is_over.load(Ordering::SeqCst) { "expired" } else { token })?;
            Ok(VerifyTokenResponse { ttl: Some(prost_types::Duration { seconds: 1, nanos: 500_000_000 }), ..answer })
        }
    });
    let (world, mut fed) = fed_by(auth).await;
    let mut watched = world.watch().await;
    is_over.store(true, Ordering::SeqCst);
    world.pass(1000);
    fed.renew(4).await;
    world.pass(499);
    world.set_serving(!SERVING).await;
    assert_eq!(next_status(&mut watched).await.unwrap(), !SERVING, "the token has not expired");
    // Renewals do not extend the token's life.
    world.pass(1);
    Refused::TOKEN_EXPIRED.is(&next_status(&mut watched).await.unwrap_err());
    assert_eq!(world.auth.count(), 2);
}

#[tokio::test]
async fn waiting_message_passes_on_new_evidence() {
    let (world, mut fed) = fed().await;
    let mut watched = world.watch().await;
    world.auth.fall_silent();
    world.pass(1001);
    world.set_serving(!SERVING).await;
    let message = tokio::spawn(async move { (next_status(&mut watched).await, watched) });
    // One request by the message, one by the interval.
    world.auth.asked(2).await;
    assert!(!message.is_finished());
    world.auth.resume_answers();
    let (first, mut watched) = message.await.unwrap();
    assert_eq!(first.unwrap(), !SERVING);
    // Revocations still arrive.
    fed.renew(4).await;
    world.auth.fall_silent();
    world.pass(1001);
    world.set_serving(SERVING).await;
    world.auth.asked(3).await;
    fed.revoke(6, Target::SessionId("session-1".into())).await;
    world.auth.resume_answers();
    // The auth service's answer precedes the revocation.
    Refused::TOKEN_REVOKED.is(&next_status(&mut watched).await.unwrap_err());
}
