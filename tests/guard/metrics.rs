//! The guard's counters.

use std::sync::Arc;
use std::time::Duration;

use gatepost::api::auth::v1::revocation::Target;
use gatepost::api::auth::v1::watch_revocations_response::Message as AuthMessage;
use gatepost::api::auth::v1::{Greeting, NewSigningKeys};
use gatepost::guard::layers::{RemoteVerifier, SingleFlight};
use gatepost::metrics::{Distribution, GuardCounts, RejectionCount};
use gatepost::{AuthService, GuardLayer, InactiveReason, Policy, Rejection, Rule, Token, TokenStatus, Verify};
use http::Request;
use prost_types::Timestamp;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::support::{
    Auth, Followed, GATHER, LISTEN, Memory, Port, Refused, SHOW, fed, known, next_status, position, start,
};

const LIMIT: Duration = Duration::from_millis(500);

/// Returns the reasons with a count above zero.
fn counted(counts: &[RejectionCount]) -> Vec<(Rejection, u64)> {
    counts.iter().filter(|one| one.count > 0).map(|one| (one.rejection, one.count)).collect()
}

/// Returns the non-empty buckets by their bounds in ms, and the count above the last bound.
fn counts(distribution: &Distribution) -> (Vec<(u128, u64)>, u64) {
    let buckets = distribution.buckets.iter().filter(|bucket| bucket.count > 0);
    (buckets.map(|bucket| (bucket.bound.as_millis(), bucket.count)).collect(), distribution.above)
}

#[tokio::test(start_paused = true)]
async fn each_decision_is_counted_by_reason() {
    let auth = Auth::new(known);
    let verifier = SingleFlight::new(RemoteVerifier::from_channel(Memory::auth(&auth).channel()), LIMIT);
    let policy = Policy::closed().rule(LISTEN, Rule::Optional).rule(GATHER, Rule::role("seller"));
    let guard = GuardLayer::new(policy.rule("/a.B/Open", Rule::Public), verifier).unwrap().audience("gatepost");
    let metrics = guard.metrics();
    let raw = Memory::guarded(guard).raw().await;
    let nothing = metrics.read();
    assert_eq!((nothing.allowed, counted(&nothing.denied), counted(&nothing.ended)), (0, vec![], vec![]));

    for (times, (path, token)) in [
        (SHOW, None),
        (SHOW, Some("forged")),
        (SHOW, Some("expired")),
        (SHOW, Some("revoked")),
        (SHOW, Some("deleted")),
        (SHOW, Some("disabled")),
        (GATHER, Some("good")),
        (SHOW, Some("unsayable")),
        (SHOW, Some("elsewhere")),
        (SHOW, Some("good")),
        (LISTEN, None),
        ("/a.B/Open", None),
    ]
    .into_iter()
    .enumerate()
    {
        for _ in 0..=times {
            let headers: Vec<_> = token.map(|token| ("api-token", token.as_bytes())).into_iter().collect();
            raw.call(path, &headers).await;
        }
    }
    auth.fall_silent();
    let late = raw.call(SHOW, &[("api-token", b"good"), ("grpc-timeout", b"200m")]).await;
    Refused::DEADLINE.is(&late.status());
    // Requests that are not gRPC are not counted.
    let get = Request::get(format!("http://guarded{SHOW}")).body(()).unwrap();
    assert_eq!(raw.send(get).await.http, 405);

    let GuardCounts { allowed, denied, ended, .. } = metrics.read();
    assert_eq!(allowed, 10 + 11 + 12);
    assert_eq!(
        counted(&denied),
        [
            (Rejection::TokenMissing, 1),
            (Rejection::Token(InactiveReason::Invalid), 2 + 9),
            (Rejection::Token(InactiveReason::Expired), 3),
            (Rejection::Token(InactiveReason::Revoked), 4),
            (Rejection::Token(InactiveReason::UserDeleted), 5),
            (Rejection::Token(InactiveReason::UserDisabled), 6),
            (Rejection::NotAllowed, 7),
            (Rejection::AuthUnavailable, 8),
            (Rejection::Deadline, 1),
        ]
    );
    assert_eq!(counted(&ended), []);
}

/// Verifies a token once. A call would be checked twice if its message came a moment later.
async fn status_of(verifier: &AuthService, token: &str) -> TokenStatus {
    verifier.verify(&Token::parse(token).unwrap(), Instant::now() + LIMIT).await.unwrap().status
}

#[tokio::test]
async fn joined_callers_are_counted_without_the_first() {
    const CALLERS: u64 = 20;
    let (auth, port) = (Auth::new(known), Port::reserve());
    let _running = auth.serve(port.listen());
    auth.fall_silent();
    let verifier = Arc::new(AuthService::builder(port.url()).build().unwrap());
    let mut calls = JoinSet::new();
    for _ in 0..CALLERS {
        let verifier = Arc::clone(&verifier);
        calls.spawn(async move { status_of(&verifier, "good").await });
    }
    // The runtime has one thread, so all calls have started when the request arrives.
    auth.asked(1).await;
    auth.resume_answers();
    while let Some(call) = calls.join_next().await {
        assert!(matches!(call.unwrap(), TokenStatus::Active(_)));
    }
    let counts = verifier.metrics().read();
    assert_eq!((counts.hits, counts.misses, counts.joined), (0, CALLERS, CALLERS - 1));
    assert_eq!(counts.evidence_age.count(), 0, "the answer has no log position");
    assert!(!counts.is_fed);
}

#[tokio::test]
async fn hits_misses_and_evidence_age_are_counted() {
    let (world, mut fed) = fed().await;
    let status_of = async |token| status_of(&world.verifier, token).await;
    let good = async || assert!(matches!(status_of("good").await, TokenStatus::Active(_)));
    for _ in 0..3 {
        good().await;
    }
    world.pass(300);
    good().await;
    world.pass(700);
    good().await;
    fed.renew(4).await;
    world.pass(75);
    good().await;
    world.pass(926);
    good().await;
    for _ in 0..2 {
        assert!(matches!(status_of("garbage").await, TokenStatus::Inactive(InactiveReason::Invalid)));
    }
    fed.revoke(6, Target::SessionId("session-1".into())).await;
    assert!(matches!(status_of("good").await, TokenStatus::Inactive(InactiveReason::Revoked)));

    let read = world.verifier.metrics().read();
    // Misses: the first request, one with evidence of 1001 ms, and the garbage.
    assert_eq!((read.hits, read.misses, read.joined), (7, 3, 0));
    // Four introspections are fresh: after two misses, and two right after the first. Inactive ones have no age.
    assert_eq!(counts(&read.evidence_age), (vec![(50, 4), (100, 1), (500, 1), (1000, 1)], 0));
    assert_eq!(read.evidence_age.sum, Duration::from_millis(300 + 1000 + 75));
}

#[tokio::test]
async fn feed_messages_and_state_are_counted() {
    let (world, mut first) = start().await;
    let state = |world: &Followed| {
        let read = world.verifier.metrics().read();
        (read.is_fed, read.resets, read.renewals, read.gaps)
    };
    assert_eq!(state(&world), (false, 0, 0, 0));
    first.greet(Greeting::default()).await;
    first.reset(3).await;
    assert_eq!(state(&world), (true, 1, 0, 0));
    first.renew(4).await;
    first.renew(6).await;
    assert_eq!(state(&world), (true, 1, 2, 0));
    first.send(None);
    // The guard has opened the next stream, which has no greeting yet.
    let mut second = world.auth.stream().await;
    assert_eq!(state(&world), (false, 1, 2, 1));
    second.greet(Greeting::default()).await;
    second.reset(9).await;
    assert_eq!(state(&world), (true, 2, 2, 1));
    drop(second);
    let _third = world.auth.stream().await;
    assert_eq!(state(&world), (false, 2, 2, 1));
}

#[tokio::test]
async fn replaced_stream_keeps_the_feed_up() {
    let (world, mut first) = start().await;
    let reopen_after = Some(prost_types::Duration { seconds: 0, nanos: 1 });
    first.greet(Greeting { reopen_after, ..Greeting::default() }).await;
    first.send(Some(AuthMessage::Reset(gatepost::api::auth::v1::Reset {
        position: Some(position(3)),
        keys: Vec::new(),
    })));
    let _second = world.auth.stream().await;
    assert!(world.verifier.metrics().read().is_fed);
}

#[tokio::test]
async fn lag_counts_only_rows_with_a_time() {
    let (world, mut fed) = fed().await;
    let mut send_row = async |revision, seconds: Option<i64>| {
        fed.create_time = seconds.map(|seconds| Timestamp { seconds, nanos: 0 });
        fed.revoke(revision, Target::NewSigningKeys(NewSigningKeys::default())).await;
    };
    send_row(4, None).await;
    assert_eq!(world.verifier.metrics().read().lag.count(), 0);
    // 2001-09-09 and 2286-11-20: far in the past and in the future.
    send_row(5, Some(1_000_000_000)).await;
    send_row(6, Some(10_000_000_000)).await;
    send_row(7, Some(10_000_000_000)).await;
    // An invalid time does not count.
    send_row(8, Some(-1)).await;
    assert_eq!(counts(&world.verifier.metrics().read().lag), (vec![(5, 2)], 1));
}

#[tokio::test]
async fn revoked_stream_counts_as_ended_not_refused() {
    let (world, mut fed) = fed().await;
    let mut watched = world.watch().await;
    fed.revoke(4, Target::SessionId("session-1".into())).await;
    Refused::TOKEN_REVOKED.is(&next_status(&mut watched).await.unwrap_err());
    let read = world.decided.read();
    assert_eq!((read.allowed, counted(&read.denied)), (1, vec![]));
    assert_eq!(counted(&read.ended), [(Rejection::Token(InactiveReason::Revoked), 1)]);
}
