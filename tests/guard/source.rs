//! A client's session: one renewal in time, even if its answer is lost.

use std::time::Duration;

use gatepost::api::auth::v1::{ErrorReason, TokenPair};
use gatepost::testing::Auth;
use gatepost::{GuardLayer, NoToken, Policy, Token, TokenSource};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::support::Fate::{Answer, Fail, Hold, Lose, Silence};
use crate::support::{CallView, Fate, LIFE, Memory, ProbeClient, Refused, Sessions};

/// A session and a guarded service that accepts its tokens.
struct World {
    issuer: Auth,
    sessions: Sessions,
    source: TokenSource,
    service: Memory,
}

impl World {
    fn new(script: impl IntoIterator<Item = Fate>) -> Self {
        let issuer = Auth::new();
        let sessions = Sessions::new(&issuer, script);
        let source = sessions.source();
        let service = Memory::guarded(GuardLayer::new(Policy::closed(), issuer.clone()).unwrap());
        Self { issuer, sessions, source, service }
    }

    fn pass(&self, time: Duration) {
        self.issuer.clock().advance(time);
    }

    async fn show(&self) -> Result<CallView, Status> {
        let channel: Channel = self.service.channel();
        ProbeClient::new(self.source.wrap(channel)).show().await
    }

    async fn token(&self) -> String {
        text(self.source.token().await).unwrap()
    }

    /// Makes a call that the source refuses, and returns the reason.
    async fn end_reason(&self) -> String {
        let status = self.show().await.unwrap_err();
        assert_eq!((status.code(), status.message()), (Code::Unauthenticated, "the session is over, log in again"));
        status.get_details_error_info().unwrap().reason
    }
}

fn text(token: Result<Token, NoToken>) -> Result<String, NoToken> {
    token.map(|token| token.expose().to_owned())
}

/// The maximum age of a token without renewal: one second less than four fifths of its life.
const YOUNG: Duration = Duration::from_secs(479);

#[tokio::test(start_paused = true)]
async fn young_token_is_sent_and_not_renewed() {
    let world = World::new([]);
    let first = world.token().await;
    world.pass(YOUNG);
    let view = world.show().await.unwrap();
    assert_eq!((view.subject.as_deref(), view.tokens), (Some("ada"), vec![first]));
    assert!(view.debug.contains("Sensitive"), "{}", view.debug);
    assert_eq!(world.sessions.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn token_is_renewed_before_expiry_without_waiting() {
    let world = World::new([Hold]);
    let first = world.token().await;
    world.pass(LIFE * 4 / 5);
    // The answer is still held.
    assert_eq!(world.token().await, first);
    assert_eq!(world.sessions.asked(1).await, ["1"]);
    assert_eq!(world.token().await, first);
    world.sessions.release();
    world.pass(LIFE / 5);
    let second = world.token().await;
    assert_ne!(second, first);
    assert_eq!((world.token().await, world.sessions.count()), (second, 1));
    assert!(world.show().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn renewed_token_serves_its_whole_life() {
    let world = World::new([]);
    for renewals in 1..4 {
        world.pass(LIFE);
        world.token().await;
        world.pass(YOUNG);
        assert!(world.show().await.is_ok());
        assert_eq!(world.sessions.count(), renewals);
    }
    assert_eq!(world.sessions.asked(3).await, ["1", "2", "3"]);
}

#[tokio::test(start_paused = true)]
async fn all_callers_share_one_renewal() {
    let world = World::new([Hold]);
    world.pass(LIFE);
    let mut callers = JoinSet::new();
    for _ in 0..50 {
        let source = world.source.clone();
        callers.spawn(async move { text(source.token().await) });
    }
    world.sessions.asked(1).await;
    world.sessions.release();
    let tokens = callers.join_all().await;
    assert_eq!((tokens.len(), world.sessions.count()), (50, 1));
    assert!(tokens.iter().all(|token| *token == tokens[0] && token.is_ok()), "{tokens:?}");
}

#[tokio::test(start_paused = true)]
async fn cancelled_caller_does_not_stop_the_renewal() {
    let world = World::new([Hold]);
    world.pass(LIFE);
    let leaving = tokio::spawn({
        let source = world.source.clone();
        async move { source.token().await.is_ok() }
    });
    world.sessions.asked(1).await;
    leaving.abort();
    assert!(leaving.await.unwrap_err().is_cancelled());
    world.sessions.release();
    world.token().await;
    assert_eq!(world.sessions.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn failed_renewal_keeps_the_old_token_until_expiry() {
    let world = World::new([Fail(Code::Unavailable); 3]);
    let first = world.token().await;
    world.pass(LIFE * 4 / 5);
    for attempts in 1..=3 {
        assert_eq!(world.token().await, first);
        assert_eq!(world.sessions.asked(attempts).await, vec!["1"; attempts]);
    }
    // The fourth attempt is answered.
    world.sessions.asked(4).await;
    world.pass(LIFE / 5);
    assert_ne!(world.token().await, first);
    assert_eq!(world.sessions.count(), 4);
}

#[tokio::test(start_paused = true)]
async fn call_with_expired_token_fails_and_may_be_repeated() {
    for fate in [
        Fail(Code::Unavailable),
        // Stands for `OUTCOME_UNKNOWN`.
        Fail(Code::DeadlineExceeded),
        Fail(Code::Internal),
        Fail(Code::ResourceExhausted),
        Silence,
    ] {
        let world = World::new([fate]);
        world.pass(LIFE);
        Refused::AUTH_UNAVAILABLE.is(&world.show().await.unwrap_err());
        world.sessions.asked(2).await;
        assert!(world.show().await.is_ok(), "{fate:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn lost_answer_is_requested_with_the_same_token() {
    let world = World::new([Lose, Lose, Answer]);
    world.pass(LIFE);
    assert_eq!(text(world.source.token().await), Err(NoToken::Unavailable));
    assert_eq!(world.sessions.asked(3).await, ["1", "1", "1"]);
    assert!(world.show().await.is_ok());
    world.pass(LIFE);
    assert!(world.show().await.is_ok());
    assert_eq!(world.sessions.asked(4).await, ["1", "1", "1", "2"], "all requests get the same successor");
}

#[tokio::test(start_paused = true)]
async fn lost_answer_is_requested_for_50_s_without_calls() {
    let world = World::new(std::iter::once(Lose).chain([Fail(Code::Unavailable); 98]));
    world.pass(LIFE);
    assert!(world.source.token().await.is_err());
    let more = timeout(Duration::from_hours(1), world.sessions.asked(100)).await;
    assert!(more.is_err(), "the renewal gives up");
    let times = world.sessions.times();
    assert!((8..20).contains(&times.len()), "{times:?}");
    let last = *times.last().unwrap();
    assert!(last > Duration::from_secs(40) && last < Duration::from_secs(51), "{times:?}");
    // The next call starts a new renewal.
    let before = times.len();
    assert!(world.source.token().await.is_err());
    assert_eq!(world.sessions.asked(before + 1).await, vec!["1"; before + 1]);
}

#[tokio::test(start_paused = true)]
async fn dead_token_is_dropped_and_the_session_continues() {
    let world = World::new([]);
    assert!(world.show().await.is_ok());
    // A role was removed.
    world.issuer.revoke_user("ada");
    Refused::TOKEN_REVOKED.is(&world.show().await.unwrap_err());
    assert!(world.show().await.is_ok());
    assert_eq!(world.sessions.count(), 1);
    // The client's clock is behind the issuer's.
    let behind = TokenSource::with_clock(
        world.sessions.channel(),
        world.sessions.make(),
        world.issuer.clock().clone(),
        world.issuer.time() - LIFE,
    );
    world.pass(LIFE);
    let channel: Channel = world.service.channel();
    let mut client = ProbeClient::new(behind.wrap(channel));
    Refused::TOKEN_EXPIRED.is(&client.show().await.unwrap_err());
    assert!(client.show().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn unrelated_refusals_keep_the_token() {
    let world = World::new([]);
    let audience =
        Memory::guarded(GuardLayer::new(Policy::closed(), world.issuer.clone()).unwrap().audience("another"));
    let channel: Channel = audience.channel();
    let mut client = ProbeClient::new(world.source.wrap(channel));
    world.issuer.away(true);
    for _ in 0..2 {
        Refused::AUTH_UNAVAILABLE.is(&client.show().await.unwrap_err());
    }
    world.issuer.away(false);
    assert!(world.show().await.is_ok());
    assert_eq!(world.sessions.count(), 0);
}

/// A retired key, a new secret and a new issuer have the same effect.
#[tokio::test(start_paused = true)]
async fn invalid_token_is_renewed_once() {
    let world = World::new([]);
    let audience =
        Memory::guarded(GuardLayer::new(Policy::closed(), world.issuer.clone()).unwrap().audience("another"));
    let channel: Channel = audience.channel();
    let mut refusing = ProbeClient::new(world.source.wrap(channel));
    for renewals in 1..4 {
        Refused::TOKEN_INVALID.is(&refusing.show().await.unwrap_err());
        assert!(world.show().await.is_ok(), "the renewed token is admitted");
        assert_eq!(world.sessions.count(), renewals);
    }
}

#[tokio::test(start_paused = true)]
async fn refused_renewed_token_ends_the_session() {
    let world = World::new([]);
    let audience =
        Memory::guarded(GuardLayer::new(Policy::closed(), world.issuer.clone()).unwrap().audience("another"));
    let channel: Channel = audience.channel();
    let mut client = ProbeClient::new(world.source.wrap(channel));
    Refused::TOKEN_INVALID.is(&client.show().await.unwrap_err());
    // An outage says nothing about the token, so the trial continues.
    world.issuer.away(true);
    Refused::AUTH_UNAVAILABLE.is(&client.show().await.unwrap_err());
    world.issuer.away(false);
    Refused::TOKEN_INVALID.is(&client.show().await.unwrap_err());
    for _ in 0..3 {
        assert_eq!(world.end_reason().await, "TOKEN_INVALID");
    }
    assert_eq!(text(world.source.token().await), Err(NoToken::Ended(ErrorReason::TokenInvalid)));
    assert_eq!(world.sessions.count(), 1, "the token was renewed once");
}

#[tokio::test(start_paused = true)]
async fn disabled_or_deleted_user_ends_the_session() {
    for (end, reason) in [("disable", "USER_DISABLED"), ("delete", "USER_DELETED")] {
        let world = World::new([]);
        assert!(world.show().await.is_ok());
        if end == "disable" {
            world.issuer.disable_user("ada");
        } else {
            world.issuer.delete_user("ada");
        }
        assert_eq!(world.show().await.unwrap_err().get_details_error_info().unwrap().reason, reason);
        assert_eq!((world.end_reason().await, world.sessions.count()), (reason.into(), 0));
    }
}

#[tokio::test(start_paused = true)]
async fn forget_drops_only_the_given_token() {
    let world = World::new([]);
    let first = world.source.token().await.unwrap();
    world.source.forget(&first);
    let second = world.token().await;
    world.source.forget(&first);
    assert_eq!((world.token().await, world.sessions.count()), (second, 1));
}

#[tokio::test(start_paused = true)]
async fn ended_session_fails_without_further_requests() {
    let world = World::new([]);
    assert!(world.show().await.is_ok());
    world.sessions.end();
    Refused::TOKEN_REVOKED.is(&world.show().await.unwrap_err());
    for _ in 0..3 {
        assert_eq!(world.end_reason().await, "REFRESH_TOKEN_INVALID");
    }
    assert_eq!(text(world.source.token().await), Err(NoToken::Ended(ErrorReason::RefreshTokenInvalid)));
    assert_eq!(world.sessions.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn session_used_by_another_source_is_over() {
    let world = World::new([]);
    // Twice: one renewal would leave this token as the parent, which is answered again.
    world.sessions.make();
    world.sessions.make();
    world.pass(LIFE);
    assert_eq!(world.end_reason().await, "REFRESH_TOKEN_REUSED");
    assert_eq!(world.end_reason().await, "REFRESH_TOKEN_REUSED");
    assert_eq!(world.sessions.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn empty_tokens_make_an_ended_session() {
    let issuer = Auth::new();
    let sessions = Sessions::new(&issuer, []);
    let source = TokenSource::new(sessions.channel(), TokenPair::default());
    for _ in 0..2 {
        assert_eq!(text(source.token().await), Err(NoToken::Ended(ErrorReason::RefreshTokenInvalid)));
    }
    assert_eq!(sessions.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn clock_ahead_does_not_renew_on_each_call() {
    let world = World::new([]);
    let ahead = TokenSource::with_clock(
        world.sessions.channel(),
        world.sessions.make(),
        world.issuer.clock().clone(),
        world.issuer.time() + LIFE * 2,
    );
    for renewals in 1..4 {
        for _ in 0..10 {
            assert!(ahead.token().await.is_ok());
        }
        assert_eq!(world.sessions.count(), renewals);
        world.pass(Duration::from_secs(5));
    }
}

#[tokio::test(start_paused = true)]
async fn short_deadline_ends_the_wait_for_a_token() {
    let world = World::new([Hold]);
    world.pass(LIFE);
    let channel: Channel = world.service.channel();
    let hurried = ProbeClient::new(world.source.wrap(channel)).show_within(Duration::from_millis(100)).await;
    Refused::DEADLINE.is(&hurried.unwrap_err());
    world.sessions.release();
    assert!(world.show().await.is_ok());
    assert_eq!(world.sessions.count(), 1);
}
