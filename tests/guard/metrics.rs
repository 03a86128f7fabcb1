//! What the guard counts is what has happened, no more and no less.

use std::sync::Arc;
use std::time::Duration;

use gatepost::api::auth::v1::revocation::Target;
use gatepost::api::auth::v1::watch_revocations_response::Message as Say;
use gatepost::api::auth::v1::{Greeting, NewSigningKeys};
use gatepost::guard::layers::{RemoteVerifier, SingleFlight};
use gatepost::metrics::{Distribution, GuardCounts};
use gatepost::{AuthService, Denial, GuardLayer, Policy, Refusal, Rule, Token, Verify, Worth};
use http::Request;
use prost_types::Timestamp;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::support::{Auth, Followed, GATHER, LISTEN, Memory, Port, Refused, TELL, fed, known, position, said, start};

const LIMIT: Duration = Duration::from_millis(500);

/// The causes that have been counted.
fn counted(counts: &[(Refusal, u64)]) -> Vec<(Refusal, u64)> {
    counts.iter().copied().filter(|(_, count)| *count > 0).collect()
}

/// How many there are up to each bound in milliseconds, without the bounds that have none; the last is of those above.
fn counts(distribution: &Distribution) -> (Vec<(u128, u64)>, u64) {
    let buckets = distribution.buckets.iter().filter(|(_, count)| *count > 0);
    (buckets.map(|(bound, count)| (bound.as_millis(), *count)).collect(), distribution.above)
}

#[tokio::test(start_paused = true)]
async fn each_decision_is_counted_by_its_cause() {
    let auth = Auth::new(known);
    let verifier = SingleFlight::new(RemoteVerifier::over(Memory::auth(&auth).channel()), LIMIT);
    let policy = Policy::closed().rule(LISTEN, Rule::Optional).rule(GATHER, Rule::role("seller"));
    let guard = GuardLayer::new(policy.rule("/a.B/Open", Rule::Public), verifier).unwrap().audience("gatepost");
    let metrics = guard.metrics();
    let raw = Memory::guarded(guard).raw().await;
    let nothing = metrics.read();
    assert_eq!((nothing.allowed, counted(&nothing.denied), counted(&nothing.ended)), (0, vec![], vec![]));

    for (times, (path, token)) in [
        (TELL, None),
        (TELL, Some("forged")),
        (TELL, Some("expired")),
        (TELL, Some("revoked")),
        (TELL, Some("deleted")),
        (TELL, Some("disabled")),
        (GATHER, Some("good")),
        (TELL, Some("unsayable")),
        (TELL, Some("elsewhere")),
        (TELL, Some("good")),
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
    let late = raw.call(TELL, &[("api-token", b"good"), ("grpc-timeout", b"200m")]).await;
    Refused::DEADLINE.is(&late.status());
    // What is no gRPC is not decided about.
    let get = Request::get(format!("http://guarded{TELL}")).body(()).unwrap();
    assert_eq!(raw.send(get).await.http, 405);

    let GuardCounts { allowed, denied, ended, .. } = metrics.read();
    assert_eq!(allowed, 10 + 11 + 12);
    assert_eq!(
        counted(&denied),
        [
            (Refusal::TokenMissing, 1),
            (Refusal::Token(Denial::Invalid), 2 + 9),
            (Refusal::Token(Denial::Expired), 3),
            (Refusal::Token(Denial::Revoked), 4),
            (Refusal::Token(Denial::UserDeleted), 5),
            (Refusal::Token(Denial::UserDisabled), 6),
            (Refusal::NotAllowed, 7),
            (Refusal::AuthUnavailable, 8),
            (Refusal::Deadline, 1),
        ]
    );
    assert_eq!(counted(&ended), []);
}

/// What the guard is told of a token, without a call: one of these is one judgement, whereas a call is judged again where
/// its message comes a moment later.
async fn judge(verifier: &AuthService, token: &str) -> Worth {
    verifier.verify(&Token::parse(token).unwrap(), Instant::now() + LIMIT).await.unwrap().worth
}

#[tokio::test]
async fn callers_who_join_a_flight_are_counted_and_whoever_began_it_is_not() {
    const CALLERS: u64 = 20;
    let (auth, port) = (Auth::new(known), Port::reserve());
    let _running = auth.serve(port.listen());
    auth.fall_silent();
    let verifier = Arc::new(AuthService::builder(port.url()).build().unwrap());
    let mut calls = JoinSet::new();
    for _ in 0..CALLERS {
        let verifier = Arc::clone(&verifier);
        calls.spawn(async move { judge(&verifier, "good").await });
    }
    // There is one thread, and all of them have had their turn when the question arrives.
    auth.asked(1).await;
    auth.speak();
    while let Some(worth) = calls.join_next().await {
        assert!(matches!(worth.unwrap(), Worth::Valid(_)));
    }
    let counts = verifier.metrics().read();
    assert_eq!((counts.hits, counts.misses, counts.joined), (0, CALLERS, CALLERS - 1));
    assert_eq!(counts.evidence_age.count(), 0, "it said nothing of the log");
    assert!(!counts.is_fed);
}

#[tokio::test]
async fn hits_misses_and_the_age_of_evidence_are_those_of_the_verdicts_that_were_used() {
    let (world, mut fed) = fed().await;
    let judge = async |token| judge(&world.verifier, token).await;
    let good = async || assert!(matches!(judge("good").await, Worth::Valid(_)));
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
        assert!(matches!(judge("garbage").await, Worth::Denied(Denial::Invalid)));
    }
    fed.revoke(6, Target::SessionId("session-1".into())).await;
    assert!(matches!(judge("good").await, Worth::Denied(Denial::Revoked)));

    let read = world.verifier.metrics().read();
    // One miss at first, one when the evidence was 1001 ms old, and one of the garbage.
    assert_eq!((read.hits, read.misses, read.joined), (7, 3, 0));
    // After the misses and the two behind the first one it was of that moment; what lets nobody in has none.
    assert_eq!(counts(&read.evidence_age), (vec![(50, 4), (100, 1), (500, 1), (1000, 1)], 0));
    assert_eq!(read.evidence_age.sum, Duration::from_millis(300 + 1000 + 75));
}

#[tokio::test]
async fn what_the_feed_brings_is_counted_and_whether_it_is_there() {
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
    first.say(None);
    // It asks for the next stream, and nobody has greeted it yet.
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
async fn a_stream_that_is_overtaken_is_none_that_is_missing() {
    let (world, mut first) = start().await;
    let reopen_after = Some(prost_types::Duration { seconds: 0, nanos: 1 });
    first.greet(Greeting { reopen_after, ..Greeting::default() }).await;
    first.say(Some(Say::Reset(gatepost::api::auth::v1::Reset { position: Some(position(3)), keys: Vec::new() })));
    let _second = world.auth.stream().await;
    assert!(world.verifier.metrics().read().is_fed);
}

#[tokio::test]
async fn a_row_is_as_late_as_it_is_old_and_one_without_a_time_is_not_counted() {
    let (world, mut fed) = fed().await;
    let mut say = async |revision, seconds: Option<i64>| {
        fed.create_time = seconds.map(|seconds| Timestamp { seconds, nanos: 0 });
        fed.revoke(revision, Target::NewSigningKeys(NewSigningKeys::default())).await;
    };
    say(4, None).await;
    assert_eq!(world.verifier.metrics().read().lag.count(), 0);
    // 2001-09-09, and 2286-11-20: long ago and still to come whenever this runs.
    say(5, Some(1_000_000_000)).await;
    say(6, Some(10_000_000_000)).await;
    say(7, Some(10_000_000_000)).await;
    // No time of day at all is none.
    say(8, Some(-1)).await;
    assert_eq!(counts(&world.verifier.metrics().read().lag), (vec![(5, 2)], 1));
}

#[tokio::test]
async fn a_stream_that_ends_with_its_token_is_counted_as_ended_and_not_as_refused() {
    let (world, mut fed) = fed().await;
    let mut watched = world.watch().await;
    fed.revoke(4, Target::SessionId("session-1".into())).await;
    Refused::TOKEN_REVOKED.is(&said(&mut watched).await.unwrap_err());
    let read = world.decided.read();
    assert_eq!((read.allowed, counted(&read.denied)), (1, vec![]));
    assert_eq!(counted(&read.ended), [(Refusal::Token(Denial::Revoked), 1)]);
}
