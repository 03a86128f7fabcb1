//! Streams die with their tokens, by a clock that moves only when everybody waits.
//!
//! The guard here keeps no verdicts: each judgement is a question, and the auth service says what the test wants.

use std::pin::Pin;
use std::time::Duration;

use gatepost::api::auth::v1::{TokenClaims, TokenState};
use gatepost::{Policy, Rule};
use http::StatusCode;
use tokio::time::{Instant, advance, timeout};
use tokio_stream::{empty, pending};
use tonic::codegen::Bytes;
use tonic::{Status, Streaming};
use tonic_health::ServingStatus;

use crate::support::{CHAT, EMPTY, LISTEN, Opened, ProbeClient, Refused, WATCH, active, claims, seller, state, words};

/// How often an idle stream is judged, and the longest time that the guard waits for evidence.
const EVERY: Duration = Duration::from_millis(250);
const PATIENCE: Duration = Duration::from_secs(2);

/// The stream says no more than this refusal, which comes within a time of the moved clock.
async fn ends<T>(stream: &mut Streaming<T>, refusal: Refused, within: Duration)
where
    T: std::fmt::Debug,
{
    let begun = Instant::now();
    refusal.is(&stream.message().await.unwrap_err());
    let taken = begun.elapsed();
    assert!(taken <= within + Duration::from_millis(5), "{refusal:?} after {taken:?}");
    assert!(stream.message().await.unwrap().is_none());
}

#[tokio::test(start_paused = true)]
async fn an_idle_stream_ends_with_its_token_and_says_why() {
    for (answer, refusal) in [
        (state(TokenState::Expired), Refused::TOKEN_EXPIRED),
        (state(TokenState::Revoked), Refused::TOKEN_REVOKED),
        (state(TokenState::UserDeleted), Refused::USER_DELETED),
        (state(TokenState::UserDisabled), Refused::USER_DISABLED),
        (state(TokenState::Invalid), Refused::TOKEN_INVALID),
        (active(TokenClaims { audience: "another".into(), ..seller() }), Refused::TOKEN_INVALID),
        (active(claims()), Refused::NOT_ALLOWED),
    ] {
        let policy =
            [WATCH, CHAT].into_iter().fold(Policy::closed(), |policy, path| policy.rule(path, Rule::role("seller")));
        let world = Opened::new(policy);
        let mut watched = world.watch().await;
        let (_ask, mut answers) = world.chat().await;
        world.say(Ok(answer));
        let begun = Instant::now();
        ends(&mut watched, refusal, EVERY).await;
        ends(&mut answers, refusal, EVERY).await;
        assert!(begun.elapsed() <= EVERY + Duration::from_millis(5), "both at the same time");
        world.listener.met("mouth gone").await;
        world.listener.met("ear gone").await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_whose_token_is_good_goes_on() {
    let world = Opened::closed();
    let mut watched = world.watch().await;
    let (ask, mut answers) = world.chat().await;
    for word in ["walk", "alone"] {
        assert!(timeout(Duration::from_mins(1), watched.message()).await.is_err(), "nothing is said");
        ask.send(word.into()).unwrap();
        world.listener.met(word).await;
        world.listener.say(word);
        assert_eq!(answers.message().await.unwrap().as_deref(), Some(word));
    }
    world.fail().await;
    assert_eq!(watched.message().await.unwrap().unwrap().status, ServingStatus::NotServing as i32);
}

#[tokio::test(start_paused = true)]
async fn no_message_passes_after_the_token_has_died() {
    let world = Opened::closed();
    let mut watched = world.watch().await;
    let (ask, mut answers) = world.chat().await;
    world.revoke();
    world.fail().await;
    ask.send("walk".into()).unwrap();
    world.listener.say("second");
    ends(&mut watched, Refused::TOKEN_REVOKED, Duration::ZERO).await;
    ends(&mut answers, Refused::TOKEN_REVOKED, Duration::ZERO).await;
    world.listener.met("ear gone").await;
    assert!(!world.listener.all().contains(&"walk".to_owned()), "{:?}", world.listener.all());
}

#[tokio::test(start_paused = true)]
async fn a_message_of_the_callers_finds_out_as_well() {
    let world = Opened::closed();
    let (ask, mut answers) = world.chat().await;
    world.revoke();
    ask.send("walk".into()).unwrap();
    world.listener.met("Unauthenticated").await;
    ends(&mut answers, Refused::TOKEN_REVOKED, EVERY).await;
    assert_eq!(world.listener.all()[..2], ["never", "Unauthenticated"]);
}

#[tokio::test(start_paused = true)]
async fn a_client_stream_is_refused_whatever_its_handler_makes_of_it() {
    for word in [Some("walk"), None] {
        let world = Opened::closed();
        let (ask, asked) = words();
        let mut probe = world.probe();
        let call = tokio::spawn(async move { probe.gather(asked).await });
        ask.send("never".into()).unwrap();
        world.listener.met("never").await;
        world.revoke();
        if let Some(word) = word {
            ask.send(word.into()).unwrap();
        }
        let begun = Instant::now();
        // The handler says that all is well.
        Refused::TOKEN_REVOKED.is(&call.await.unwrap().unwrap_err());
        assert!(begun.elapsed() <= EVERY + Duration::from_millis(5));
        world.listener.met("ear gone").await;
        assert!(!world.listener.all().contains(&"walk".to_owned()), "{:?}", world.listener.all());
    }
}

#[tokio::test(start_paused = true)]
async fn without_evidence_messages_wait_and_after_two_seconds_the_stream_ends() {
    let world = Opened::closed();
    let mut watched = world.watch().await;
    let (ask, mut answers) = world.chat().await;
    world.auth.fall_silent();
    world.fail().await;
    ask.send("walk".into()).unwrap();
    world.listener.say("second");
    let begun = Instant::now();
    let (mut first, mut second) = (Ok(()), Ok(()));
    let watching = async { first = watched.message().await.map(drop) };
    let chatting = async { second = answers.message().await.map(drop) };
    tokio::join!(watching, chatting);
    let taken = begun.elapsed();
    assert!((PATIENCE..PATIENCE + Duration::from_millis(5)).contains(&taken), "{taken:?}");
    Refused::AUTH_UNAVAILABLE.is(&first.unwrap_err());
    Refused::AUTH_UNAVAILABLE.is(&second.unwrap_err());
    world.listener.met("ear gone").await;
    assert!(!world.listener.all().contains(&"walk".to_owned()), "{:?}", world.listener.all());
}

#[tokio::test(start_paused = true)]
async fn without_evidence_an_idle_stream_ends_as_well() {
    let world = Opened::closed();
    let mut watched = world.watch().await;
    let mut probe = world.probe();
    let call = tokio::spawn(async move { probe.gather(pending()).await });
    world.auth.asked(4).await;
    world.auth.fall_silent();
    ends(&mut watched, Refused::AUTH_UNAVAILABLE, EVERY + PATIENCE).await;
    Refused::AUTH_UNAVAILABLE.is(&call.await.unwrap().unwrap_err());
}

#[tokio::test(start_paused = true)]
async fn when_the_evidence_is_back_all_that_has_waited_passes_in_order() {
    let world = Opened::closed();
    let mut watched = world.watch().await;
    let (ask, mut answers) = world.chat().await;
    world.auth.fall_silent();
    world.fail().await;
    for word in ["walk", "alone"] {
        ask.send(word.into()).unwrap();
        world.listener.say(word);
    }
    let waited = Duration::from_millis(1400);
    let nothing = async {
        tokio::select! { _ = watched.message() => (), _ = answers.message() => () }
    };
    assert!(timeout(waited, nothing).await.is_err(), "nothing passes meanwhile");
    assert!(!world.listener.all().contains(&"walk".to_owned()));
    world.auth.speak();
    assert_eq!(watched.message().await.unwrap().unwrap().status, ServingStatus::NotServing as i32);
    for word in ["walk", "alone"] {
        assert_eq!(answers.message().await.unwrap().as_deref(), Some(word));
        world.listener.met(word).await;
    }
    assert_eq!(world.listener.all(), ["never", "walk", "alone"]);
    // And the stream is as it was: its next two seconds are its own.
    world.auth.fall_silent();
    assert!(timeout(waited, answers.message()).await.is_err());
    world.auth.speak();
    assert!(timeout(Duration::from_mins(1), answers.message()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_message_that_has_waited_is_not_let_through_by_bad_news() {
    let world = Opened::closed();
    let mut watched = world.watch().await;
    world.auth.fall_silent();
    world.fail().await;
    assert!(timeout(Duration::from_secs(1), watched.message()).await.is_err());
    world.revoke();
    world.auth.speak();
    ends(&mut watched, Refused::TOKEN_REVOKED, Duration::from_millis(750)).await;
}

#[tokio::test(start_paused = true)]
async fn an_auth_service_that_talks_nonsense_is_no_evidence() {
    let world = Opened::closed();
    let mut watched = world.watch().await;
    world.say(Err(Status::internal("cannot say")));
    ends(&mut watched, Refused::AUTH_UNAVAILABLE, EVERY + PATIENCE).await;
}

#[tokio::test(start_paused = true)]
async fn a_unary_call_that_runs_is_never_cut() {
    for silent in [false, true] {
        let world = Opened::closed();
        let mut probe = world.probe();
        let call = tokio::spawn(async move { probe.tell().await });
        world.listener.met("begun").await;
        let asked = world.auth.count();
        if silent {
            world.auth.fall_silent();
        }
        world.revoke();
        advance(Duration::from_mins(1)).await;
        world.listener.say("now");
        call.await.unwrap().unwrap();
        assert_eq!(world.auth.count(), asked, "nobody was asked about it again");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_begins_late_says_nothing_for_a_dead_token() {
    let world = Opened::closed();
    let mut probe = world.probe();
    let call = tokio::spawn(async move { probe.listen().await });
    world.listener.met("begun").await;
    world.revoke();
    advance(Duration::from_mins(1)).await;
    world.listener.say("first");
    let mut answers = call.await.unwrap().unwrap();
    ends(&mut answers, Refused::TOKEN_REVOKED, Duration::ZERO).await;
    world.listener.met("mouth gone").await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_never_comes_whole_dies_with_its_token() {
    let world = Opened::closed();
    let mut connection = h2_call(&world).await;
    world.revoke();
    let head = connection.response.as_mut().await.unwrap();
    Refused::TOKEN_REVOKED.is(&Status::from_header_map(head.headers()).unwrap());
    assert_eq!(world.listener.all(), [""; 0], "the handler has not run");
}

#[tokio::test(start_paused = true)]
async fn the_first_message_stands_on_the_judgement_by_which_the_call_came_in() {
    let world = Opened::closed();
    let mut call = h2_call(&world).await;
    world.revoke();
    call.body.send_data(Bytes::from_static(EMPTY), false).unwrap();
    call.body.send_data(Bytes::new(), true).unwrap();
    world.listener.met("begun").await;
    world.listener.say("now");
    assert_eq!(call.response.as_mut().await.unwrap().status(), StatusCode::OK);
    assert_eq!(world.auth.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_first_message_that_comes_later_waits_for_evidence() {
    let world = Opened::closed();
    let mut call = h2_call(&world).await;
    world.auth.fall_silent();
    advance(EVERY).await;
    call.body.send_data(Bytes::from_static(EMPTY), true).unwrap();
    assert!(timeout(Duration::from_secs(1), world.listener.met("begun")).await.is_err());
    world.auth.speak();
    world.listener.met("begun").await;
}

#[tokio::test(start_paused = true)]
async fn public_and_anonymous_streams_are_left_alone() {
    let policy = Policy::closed().with_health().rule(CHAT, Rule::Optional).rule(LISTEN, Rule::Optional);
    let world = Opened::new(policy);
    world.revoke();
    world.auth.fall_silent();
    // A token is not even looked at.
    let mut watched = world.watch().await;
    let mut answers = ProbeClient::new(world.server.channel()).chat(pending()).await.unwrap();
    let nothing = async {
        tokio::select! { _ = watched.message() => (), _ = answers.message() => () }
    };
    assert!(timeout(Duration::from_mins(1), nothing).await.is_err());
    world.fail().await;
    world.listener.say("first");
    assert_eq!(watched.message().await.unwrap().unwrap().status, ServingStatus::NotServing as i32);
    assert_eq!(answers.message().await.unwrap().as_deref(), Some("first"));
    assert_eq!(world.auth.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn where_a_token_is_optional_the_one_that_opened_the_stream_counts() {
    let world = Opened::new(Policy::closed().rule(CHAT, Rule::Optional));
    let (_ask, mut answers) = world.chat().await;
    world.revoke();
    ends(&mut answers, Refused::TOKEN_REVOKED, EVERY).await;
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_goes_takes_the_handler_along() {
    let world = Opened::closed();
    let (ask, answers) = world.chat().await;
    drop((ask, answers));
    world.listener.met("mouth gone").await;
    world.listener.met("ear gone").await;

    let world = Opened::closed();
    let mut probe = world.probe();
    let call = tokio::spawn(async move { probe.gather(pending()).await });
    world.auth.asked(1).await;
    call.abort();
    world.listener.met("ear gone").await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_its_handler_ends_is_judged_no_more() {
    let world = Opened::closed();
    let mut probe = world.probe();
    assert_eq!(probe.gather(empty()).await.unwrap(), "done");
    let asked = world.auth.count();
    advance(Duration::from_mins(1)).await;
    assert_eq!(world.auth.count(), asked);
    assert_eq!(world.listener.all(), ["ear gone"]);
}

/// A unary call whose message does not come.
struct HalfCall {
    response: Pin<Box<h2::client::ResponseFuture>>,
    body: h2::SendStream<Bytes>,
}

async fn h2_call(world: &Opened) -> HalfCall {
    let (response, body) = world.server.raw().await.begin(crate::support::TELL).await;
    world.auth.asked(1).await;
    HalfCall { response: Box::pin(response), body }
}
