//! Open streams behind a guard that follows the revocations: they die by what the feed brings, and live on its renewals.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gatepost::api::auth::v1::revocation::Target;
use gatepost::api::auth::v1::{TokenState, UserRevocation, VerifyTokenResponse};

use crate::support::{Auth, Refused, SERVING, fed, fed_by, grounded, said};

#[tokio::test]
async fn a_stream_dies_with_its_token_idle_or_not() {
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
            fed.revoke(4, Target::SessionId("somebody else's".into())).await;
            world.tell(!SERVING).await;
            assert_eq!(said(&mut watched).await.unwrap(), !SERVING);
            fed.revoke(5, target.clone()).await;
            if !is_idle {
                world.tell(SERVING).await;
            }
            refusal.is(&said(&mut watched).await.unwrap_err());
            assert!(watched.message().await.unwrap().is_none());
            assert_eq!(world.auth.count(), 1);
            // Its guard goes on dialling: the next world must not be given its port.
            over.push(world);
        }
    }
}

#[tokio::test]
async fn a_warm_stream_asks_nothing_and_lives_on_renewals() {
    let (world, mut fed) = fed().await;
    let mut watched = world.watch().await;
    for (revision, status) in [(4, !SERVING), (6, SERVING), (8, !SERVING)] {
        world.pass(1000);
        fed.renew(revision).await;
        world.pass(1000);
        world.tell(status).await;
        assert_eq!(said(&mut watched).await.unwrap(), status);
    }
    assert_eq!(world.auth.count(), 1);
}

#[tokio::test]
async fn c25_a_stream_ends_when_its_token_has_expired() {
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
    world.tell(!SERVING).await;
    assert_eq!(said(&mut watched).await.unwrap(), !SERVING, "its life is not over");
    // However the feed vouches for it.
    world.pass(1);
    Refused::TOKEN_EXPIRED.is(&said(&mut watched).await.unwrap_err());
    assert_eq!(world.auth.count(), 2);
}

#[tokio::test]
async fn a_message_waits_for_evidence_and_passes_when_it_is_there() {
    let (world, mut fed) = fed().await;
    let mut watched = world.watch().await;
    world.auth.fall_silent();
    world.pass(1001);
    world.tell(!SERVING).await;
    let message = tokio::spawn(async move { (said(&mut watched).await, watched) });
    // By its own question, or by that of the clock.
    world.auth.asked(2).await;
    assert!(!message.is_finished());
    world.auth.speak();
    let (first, mut watched) = message.await.unwrap();
    assert_eq!(first.unwrap(), !SERVING);
    // And no revocation gets lost on the way.
    fed.renew(4).await;
    world.auth.fall_silent();
    world.pass(1001);
    world.tell(SERVING).await;
    world.auth.asked(3).await;
    fed.revoke(6, Target::SessionId("session-1".into())).await;
    world.auth.speak();
    // What the auth service says, it has said before the revocation came.
    Refused::TOKEN_REVOKED.is(&said(&mut watched).await.unwrap_err());
}
