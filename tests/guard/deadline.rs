//! The caller's deadline: forwarded to the auth service, reported as such, and separate for each caller.

use std::time::Duration;

use gatepost::guard::layers::{RemoteVerifier, SingleFlight};
use gatepost::{GuardLayer, Policy, Verify};
use tokio::time::Instant;
use tonic::Code;

use crate::support::{Auth, Memory, Raw, Refused, SHOW, World, known};

const LIMIT: Duration = Duration::from_millis(500);

fn remote(auth: &Auth) -> RemoteVerifier {
    RemoteVerifier::from_channel(Memory::auth(auth).channel())
}

async fn guarded_by(verifier: impl Verify) -> Raw {
    Memory::guarded(GuardLayer::new(Policy::closed(), verifier).unwrap()).raw().await
}

async fn ends_after_200_ms(auth: &Auth, raw: &Raw) {
    auth.fall_silent();
    let begun = Instant::now();
    let refusal = raw.call(SHOW, &[("api-token", b"good"), ("grpc-timeout", b"200m")]).await.status();
    Refused::DEADLINE.is(&refusal);
    let taken = begun.elapsed();
    assert!((200..=201).contains(&taken.as_millis()), "{taken:?}");
}

#[tokio::test(start_paused = true)]
async fn shorter_deadline_fails_with_deadline_exceeded() {
    let auth = Auth::new(known);
    let raw = guarded_by(SingleFlight::new(remote(&auth), LIMIT)).await;
    ends_after_200_ms(&auth, &raw).await;
}

#[tokio::test(start_paused = true)]
async fn verifier_that_keeps_deadlines_gives_same_status() {
    let auth = Auth::new(known);
    let raw = guarded_by(remote(&auth)).await;
    ends_after_200_ms(&auth, &raw).await;
    let asked = auth.asked(1).await;
    assert_eq!(asked[0].timeout, Some(Duration::from_millis(200)), "the shorter deadline is forwarded");
}

#[tokio::test(start_paused = true)]
async fn short_deadline_does_not_fail_other_callers() {
    let auth = Auth::new(known);
    let raw = guarded_by(SingleFlight::new(remote(&auth), LIMIT)).await;
    auth.fall_silent();
    let hasty = tokio::spawn({
        let raw = raw.clone();
        async move { raw.call(SHOW, &[("api-token", b"good"), ("grpc-timeout", b"100m")]).await.status() }
    });
    auth.asked(1).await;
    let patient = tokio::spawn(async move { raw.call_as_ada(SHOW).await.status() });
    Refused::DEADLINE.is(&hasty.await.unwrap());
    auth.resume_answers();
    assert_eq!(patient.await.unwrap().code(), Code::Ok);
    assert_eq!(auth.count(), 1);
}

/// C24: a request to the auth service carries a deadline of at most 500 ms.
#[tokio::test]
async fn request_carries_a_deadline_of_500_ms_at_most() {
    let world = World::start(Policy::closed()).await;
    let raw = world.server.raw().await;
    for timeout in ["1H", "300m", "nonsense"] {
        let headers = [("api-token", &b"good"[..]), ("grpc-timeout", timeout.as_bytes())];
        assert_eq!(raw.call(SHOW, &headers).await.status().code(), Code::Ok, "{timeout}");
    }
    assert_eq!(raw.call_as_ada(SHOW).await.status().code(), Code::Ok);
    for asked in world.auth.asked(4).await {
        assert!(asked.timeout.is_some_and(|timeout| !timeout.is_zero() && timeout <= LIMIT), "{asked:?}");
    }
}
