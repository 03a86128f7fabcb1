//! A client's session goes on by itself: renewed in time, by one question, whatever becomes of the answer.

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
use crate::support::{Fate, LIFE, Memory, ProbeClient, Refused, Sessions, Told};

/// A session, and a guarded service that takes its tokens.
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

    async fn tell(&self) -> Result<Told, Status> {
        let channel: Channel = self.service.channel();
        ProbeClient::new(self.source.around(channel)).tell().await
    }

    async fn token(&self) -> String {
        text(self.source.token().await).unwrap()
    }

    /// The reason with which a call is refused that gets as far as the source.
    async fn ends(&self) -> String {
        let status = self.tell().await.unwrap_err();
        assert_eq!((status.code(), status.message()), (Code::Unauthenticated, "the session is over, log in again"));
        status.get_details_error_info().unwrap().reason
    }
}

fn text(token: Result<Token, NoToken>) -> Result<String, NoToken> {
    token.map(|token| token.expose().to_owned())
}

/// The greatest age at which a token is left as it is: a second before four fifths of its life.
const YOUNG: Duration = Duration::from_secs(479);

#[tokio::test(start_paused = true)]
async fn calls_carry_the_token_and_a_young_one_is_not_renewed() {
    let world = World::new([]);
    let first = world.token().await;
    world.pass(YOUNG);
    let told = world.tell().await.unwrap();
    assert_eq!((told.subject.as_deref(), told.tokens), (Some("ada"), vec![first]));
    assert!(told.debug.contains("Sensitive"), "{}", told.debug);
    assert_eq!(world.sessions.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn it_is_renewed_before_it_expires_and_nobody_waits() {
    let world = World::new([Hold]);
    let first = world.token().await;
    world.pass(LIFE * 4 / 5);
    // The answer does not come before it is released.
    assert_eq!(world.token().await, first);
    assert_eq!(world.sessions.asked(1).await, ["1"]);
    assert_eq!(world.token().await, first);
    world.sessions.release();
    world.pass(LIFE / 5);
    let second = world.token().await;
    assert_ne!(second, first);
    assert_eq!((world.token().await, world.sessions.count()), (second, 1));
    assert!(world.tell().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn the_whole_next_life_is_used() {
    let world = World::new([]);
    for renewals in 1..4 {
        world.pass(LIFE);
        world.token().await;
        world.pass(YOUNG);
        assert!(world.tell().await.is_ok());
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
async fn a_caller_that_leaves_takes_nothing_from_the_others() {
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
async fn a_failed_renewal_leaves_the_old_token_while_it_lives() {
    let world = World::new([Fail(Code::Unavailable); 3]);
    let first = world.token().await;
    world.pass(LIFE * 4 / 5);
    for attempts in 1..=3 {
        assert_eq!(world.token().await, first);
        assert_eq!(world.sessions.asked(attempts).await, vec!["1"; attempts]);
    }
    // The fourth one is answered.
    world.sessions.asked(4).await;
    world.pass(LIFE / 5);
    assert_ne!(world.token().await, first);
    assert_eq!(world.sessions.count(), 4);
}

#[tokio::test(start_paused = true)]
async fn without_a_token_that_lives_a_call_fails_and_may_be_repeated() {
    for fate in [
        Fail(Code::Unavailable),
        // `OUTCOME_UNKNOWN`.
        Fail(Code::DeadlineExceeded),
        Fail(Code::Internal),
        Fail(Code::ResourceExhausted),
        Silence,
    ] {
        let world = World::new([fate]);
        world.pass(LIFE);
        Refused::AUTH_UNAVAILABLE.is(&world.tell().await.unwrap_err());
        world.sessions.asked(2).await;
        assert!(world.tell().await.is_ok(), "{fate:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_asked_for_again_with_the_same_token() {
    let world = World::new([Lose, Lose, Answer]);
    world.pass(LIFE);
    assert_eq!(text(world.source.token().await), Err(NoToken::Unavailable));
    assert_eq!(world.sessions.asked(3).await, ["1", "1", "1"]);
    assert!(world.tell().await.is_ok());
    world.pass(LIFE);
    assert!(world.tell().await.is_ok());
    assert_eq!(world.sessions.asked(4).await, ["1", "1", "1", "2"], "the same successor for all");
}

#[tokio::test(start_paused = true)]
async fn it_is_asked_for_within_the_minute_in_which_it_can_be_had_though_nobody_calls() {
    let world = World::new(std::iter::once(Lose).chain([Fail(Code::Unavailable); 98]));
    world.pass(LIFE);
    assert!(world.source.token().await.is_err());
    let more = timeout(Duration::from_hours(1), world.sessions.asked(100)).await;
    assert!(more.is_err(), "patience has an end");
    let times = world.sessions.times();
    assert!((8..20).contains(&times.len()), "{times:?}");
    let last = *times.last().unwrap();
    assert!(last > Duration::from_secs(40) && last < Duration::from_secs(51), "{times:?}");
    // The next call tries again.
    let before = times.len();
    assert!(world.source.token().await.is_err());
    assert_eq!(world.sessions.asked(before + 1).await, vec!["1"; before + 1]);
}

#[tokio::test(start_paused = true)]
async fn a_dead_token_is_forgotten_and_the_session_goes_on() {
    let world = World::new([]);
    assert!(world.tell().await.is_ok());
    // A role was taken away.
    world.issuer.revoke_user("ada");
    Refused::TOKEN_REVOKED.is(&world.tell().await.unwrap_err());
    assert!(world.tell().await.is_ok());
    assert_eq!(world.sessions.count(), 1);
    // This machine's clock is behind the issuer's.
    let behind = TokenSource::new_by(
        world.sessions.channel(),
        world.sessions.make(),
        world.issuer.clock().clone(),
        world.issuer.time() - LIFE,
    );
    world.pass(LIFE);
    let channel: Channel = world.service.channel();
    let mut client = ProbeClient::new(behind.around(channel));
    Refused::TOKEN_EXPIRED.is(&client.tell().await.unwrap_err());
    assert!(client.tell().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn other_refusals_say_nothing_of_the_token() {
    let world = World::new([]);
    let audience =
        Memory::guarded(GuardLayer::new(Policy::closed(), world.issuer.clone()).unwrap().audience("another"));
    let channel: Channel = audience.channel();
    let mut client = ProbeClient::new(world.source.around(channel));
    world.issuer.away(true);
    for _ in 0..2 {
        Refused::AUTH_UNAVAILABLE.is(&client.tell().await.unwrap_err());
    }
    world.issuer.away(false);
    assert!(world.tell().await.is_ok());
    assert_eq!(world.sessions.count(), 0);
}

/// The same happens after a key was retired, and with another secret or issuer.
#[tokio::test(start_paused = true)]
async fn an_invalid_token_is_renewed_once() {
    let world = World::new([]);
    let audience =
        Memory::guarded(GuardLayer::new(Policy::closed(), world.issuer.clone()).unwrap().audience("another"));
    let channel: Channel = audience.channel();
    let mut refusing = ProbeClient::new(world.source.around(channel));
    for renewals in 1..4 {
        Refused::TOKEN_INVALID.is(&refusing.tell().await.unwrap_err());
        assert!(world.tell().await.is_ok(), "the next token opens the door");
        assert_eq!(world.sessions.count(), renewals);
    }
}

#[tokio::test(start_paused = true)]
async fn a_renewed_token_refused_ends_the_session() {
    let world = World::new([]);
    let audience =
        Memory::guarded(GuardLayer::new(Policy::closed(), world.issuer.clone()).unwrap().audience("another"));
    let channel: Channel = audience.channel();
    let mut client = ProbeClient::new(world.source.around(channel));
    Refused::TOKEN_INVALID.is(&client.tell().await.unwrap_err());
    // An outage says nothing of the token, so the trial goes on.
    world.issuer.away(true);
    Refused::AUTH_UNAVAILABLE.is(&client.tell().await.unwrap_err());
    world.issuer.away(false);
    Refused::TOKEN_INVALID.is(&client.tell().await.unwrap_err());
    for _ in 0..3 {
        assert_eq!(world.ends().await, "TOKEN_INVALID");
    }
    assert_eq!(text(world.source.token().await), Err(NoToken::Ended(ErrorReason::TokenInvalid)));
    assert_eq!(world.sessions.count(), 1, "it was renewed once");
}

#[tokio::test(start_paused = true)]
async fn a_user_who_is_barred_or_deleted_ends_the_session() {
    for (end, reason) in [("disable", "USER_DISABLED"), ("delete", "USER_DELETED")] {
        let world = World::new([]);
        assert!(world.tell().await.is_ok());
        if end == "disable" {
            world.issuer.disable_user("ada");
        } else {
            world.issuer.delete_user("ada");
        }
        assert_eq!(world.tell().await.unwrap_err().get_details_error_info().unwrap().reason, reason);
        assert_eq!((world.ends().await, world.sessions.count()), (reason.into(), 0));
    }
}

#[tokio::test(start_paused = true)]
async fn only_the_token_that_has_died_is_forgotten() {
    let world = World::new([]);
    let first = world.source.token().await.unwrap();
    world.source.forget(&first);
    let second = world.token().await;
    world.source.forget(&first);
    assert_eq!((world.token().await, world.sessions.count()), (second, 1));
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_session_is_said_and_nobody_is_asked_again() {
    let world = World::new([]);
    assert!(world.tell().await.is_ok());
    world.sessions.end();
    Refused::TOKEN_REVOKED.is(&world.tell().await.unwrap_err());
    for _ in 0..3 {
        assert_eq!(world.ends().await, "REFRESH_TOKEN_INVALID");
    }
    assert_eq!(text(world.source.token().await), Err(NoToken::Ended(ErrorReason::RefreshTokenInvalid)));
    assert_eq!(world.sessions.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_another_one_has_used_is_over() {
    let world = World::new([]);
    // Twice: the parent of the current token would be answered.
    world.sessions.make();
    world.sessions.make();
    world.pass(LIFE);
    assert_eq!(world.ends().await, "REFRESH_TOKEN_REUSED");
    assert_eq!(world.ends().await, "REFRESH_TOKEN_REUSED");
    assert_eq!(world.sessions.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn nothing_to_begin_with_is_a_session_that_is_over() {
    let issuer = Auth::new();
    let sessions = Sessions::new(&issuer, []);
    let source = TokenSource::new(sessions.channel(), TokenPair::default());
    for _ in 0..2 {
        assert_eq!(text(source.token().await), Err(NoToken::Ended(ErrorReason::RefreshTokenInvalid)));
    }
    assert_eq!(sessions.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_is_ahead_does_not_make_each_call_a_renewal() {
    let world = World::new([]);
    let ahead = TokenSource::new_by(
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
async fn a_caller_in_a_hurry_does_not_wait_for_a_token() {
    let world = World::new([Hold]);
    world.pass(LIFE);
    let channel: Channel = world.service.channel();
    let hurried = ProbeClient::new(world.source.around(channel)).tell_within(Duration::from_millis(100)).await;
    Refused::DEADLINE.is(&hurried.unwrap_err());
    world.sessions.release();
    assert!(world.tell().await.is_ok());
    assert_eq!(world.sessions.count(), 1);
}
