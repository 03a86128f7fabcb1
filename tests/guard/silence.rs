//! Time limits for a silent auth service. The clock moves only while all tasks wait.

use std::time::Duration;

use gatepost::guard::layers::{RemoteVerifier, SingleFlight};
use gatepost::{GuardLayer, Policy, Rule};
use tokio::time::Instant;
use tonic::Code;

use crate::support::{Auth, GATHER, Memory, Raw, Refused, SHOW, known};

const LIMIT: Duration = Duration::from_millis(500);

/// Returns a fake auth service, and a client of a guard with one public method.
async fn world() -> (Auth, Raw) {
    let auth = Auth::new(known);
    let verifier = SingleFlight::new(RemoteVerifier::from_channel(Memory::auth(&auth).channel()), LIMIT);
    let policy = Policy::closed().rule(GATHER, Rule::Public);
    (auth, Memory::guarded(GuardLayer::new(policy, verifier).unwrap()).raw().await)
}

/// C24: the guard waits 500 ms for a silent auth service.
#[tokio::test(start_paused = true)]
async fn silent_auth_service_is_given_500_ms() {
    let (auth, raw) = world().await;
    auth.fall_silent();
    for timeout in [None, Some("1S"), Some("500m"), Some("nonsense")] {
        let timeout = timeout.map(|timeout: &str| ("grpc-timeout", timeout.as_bytes()));
        let headers: Vec<_> = [("api-token", &b"good"[..])].into_iter().chain(timeout).collect();
        let begun = Instant::now();
        let refusal = raw.call(SHOW, &headers).await.status();
        Refused::AUTH_UNAVAILABLE.is(&refusal);
        let taken = begun.elapsed();
        assert!((LIMIT..=LIMIT + Duration::from_millis(1)).contains(&taken), "{timeout:?}: {taken:?}");
    }
}

/// C24: public methods do not wait for a silent auth service.
#[tokio::test(start_paused = true)]
async fn public_methods_do_not_wait_for_auth() {
    let (auth, raw) = world().await;
    auth.fall_silent();
    let closed = tokio::spawn({
        let raw = raw.clone();
        async move { raw.call_as_ada(SHOW).await.status() }
    });
    auth.asked(1).await;
    let begun = Instant::now();
    assert_eq!(raw.call(GATHER, &[]).await.status().code(), Code::Ok);
    assert!(begun.elapsed().is_zero());
    Refused::AUTH_UNAVAILABLE.is(&closed.await.unwrap());
}

/// C24: a slow answer within the limit counts.
#[tokio::test(start_paused = true)]
async fn slow_answer_within_the_limit_counts() {
    let (auth, raw) = world().await;
    auth.fall_silent();
    let call = tokio::spawn(async move { raw.call_as_ada(SHOW).await.status() });
    auth.asked(1).await;
    tokio::time::advance(Duration::from_millis(498)).await;
    auth.resume_answers();
    assert_eq!(call.await.unwrap().code(), Code::Ok);
}
