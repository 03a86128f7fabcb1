//! Open streams end with their tokens. The clock moves only while all tasks wait.

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

/// The guard's interval between checks, and its time limit for evidence.
const CHECK_INTERVAL: Duration = Duration::from_millis(250);
const EVIDENCE_TIMEOUT: Duration = Duration::from_secs(2);

/// Checks that the stream ends with this rejection within this time, without a message.
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
async fn idle_stream_ends_with_the_rejections_status() {
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
        world.set_answer(Ok(answer));
        let begun = Instant::now();
        ends(&mut watched, refusal, CHECK_INTERVAL).await;
        ends(&mut answers, refusal, CHECK_INTERVAL).await;
        assert!(begun.elapsed() <= CHECK_INTERVAL + Duration::from_millis(5), "both at the same time");
        world.listener.met("sender dropped").await;
        world.listener.met("receiver dropped").await;
    }
}

#[tokio::test(start_paused = true)]
async fn stream_with_valid_token_continues() {
    let world = Opened::closed();
    let mut watched = world.watch().await;
    let (ask, mut answers) = world.chat().await;
    for word in ["walk", "alone"] {
        assert!(timeout(Duration::from_mins(1), watched.message()).await.is_err(), "no message comes");
        ask.send(word.into()).unwrap();
        world.listener.met(word).await;
        world.listener.send(word);
        assert_eq!(answers.message().await.unwrap().as_deref(), Some(word));
    }
    world.fail().await;
    assert_eq!(watched.message().await.unwrap().unwrap().status, ServingStatus::NotServing as i32);
}

#[tokio::test(start_paused = true)]
async fn no_message_passes_after_revocation() {
    let world = Opened::closed();
    let mut watched = world.watch().await;
    let (ask, mut answers) = world.chat().await;
    world.revoke();
    world.fail().await;
    ask.send("walk".into()).unwrap();
    world.listener.send("second");
    ends(&mut watched, Refused::TOKEN_REVOKED, Duration::ZERO).await;
    ends(&mut answers, Refused::TOKEN_REVOKED, Duration::ZERO).await;
    world.listener.met("receiver dropped").await;
    assert!(!world.listener.all().contains(&"walk".to_owned()), "{:?}", world.listener.all());
}

#[tokio::test(start_paused = true)]
async fn request_message_after_revocation_ends_the_stream() {
    let world = Opened::closed();
    let (ask, mut answers) = world.chat().await;
    world.revoke();
    ask.send("walk".into()).unwrap();
    world.listener.met("Unauthenticated").await;
    ends(&mut answers, Refused::TOKEN_REVOKED, CHECK_INTERVAL).await;
    assert_eq!(world.listener.all()[..2], ["never", "Unauthenticated"]);
}

#[tokio::test(start_paused = true)]
async fn revoked_client_stream_fails_despite_its_handler() {
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
        // The handler answers OK.
        Refused::TOKEN_REVOKED.is(&call.await.unwrap().unwrap_err());
        assert!(begun.elapsed() <= CHECK_INTERVAL + Duration::from_millis(5));
        world.listener.met("receiver dropped").await;
        assert!(!world.listener.all().contains(&"walk".to_owned()), "{:?}", world.listener.all());
    }
}

#[tokio::test(start_paused = true)]
async fn stream_without_evidence_ends_after_2_s() {
    let world = Opened::closed();
    let mut watched = world.watch().await;
    let (ask, mut answers) = world.chat().await;
    world.auth.fall_silent();
    world.fail().await;
    ask.send("walk".into()).unwrap();
    world.listener.send("second");
    let begun = Instant::now();
    let (mut first, mut second) = (Ok(()), Ok(()));
    let watching = async { first = watched.message().await.map(drop) };
    let chatting = async { second = answers.message().await.map(drop) };
    tokio::join!(watching, chatting);
    let taken = begun.elapsed();
    assert!((EVIDENCE_TIMEOUT..EVIDENCE_TIMEOUT + Duration::from_millis(5)).contains(&taken), "{taken:?}");
    Refused::AUTH_UNAVAILABLE.is(&first.unwrap_err());
    Refused::AUTH_UNAVAILABLE.is(&second.unwrap_err());
    world.listener.met("receiver dropped").await;
    assert!(!world.listener.all().contains(&"walk".to_owned()), "{:?}", world.listener.all());
}

#[tokio::test(start_paused = true)]
async fn idle_stream_without_evidence_ends() {
    let world = Opened::closed();
    let mut watched = world.watch().await;
    let mut probe = world.probe();
    let call = tokio::spawn(async move { probe.gather(pending()).await });
    world.auth.asked(4).await;
    world.auth.fall_silent();
    ends(&mut watched, Refused::AUTH_UNAVAILABLE, CHECK_INTERVAL + EVIDENCE_TIMEOUT).await;
    Refused::AUTH_UNAVAILABLE.is(&call.await.unwrap().unwrap_err());
}

#[tokio::test(start_paused = true)]
async fn waiting_messages_pass_in_order_on_new_evidence() {
    let world = Opened::closed();
    let mut watched = world.watch().await;
    let (ask, mut answers) = world.chat().await;
    world.auth.fall_silent();
    world.fail().await;
    for word in ["walk", "alone"] {
        ask.send(word.into()).unwrap();
        world.listener.send(word);
    }
    let waited = Duration::from_millis(1400);
    let nothing = async {
        tokio::select! { _ = watched.message() => (), _ = answers.message() => () }
    };
    assert!(timeout(waited, nothing).await.is_err(), "no message passes without evidence");
    assert!(!world.listener.all().contains(&"walk".to_owned()));
    world.auth.resume_answers();
    assert_eq!(watched.message().await.unwrap().unwrap().status, ServingStatus::NotServing as i32);
    for word in ["walk", "alone"] {
        assert_eq!(answers.message().await.unwrap().as_deref(), Some(word));
        world.listener.met(word).await;
    }
    assert_eq!(world.listener.all(), ["never", "walk", "alone"]);
    // The next outage has its own two seconds.
    world.auth.fall_silent();
    assert!(timeout(waited, answers.message()).await.is_err());
    world.auth.resume_answers();
    assert!(timeout(Duration::from_mins(1), answers.message()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn waiting_message_is_refused_on_revocation() {
    let world = Opened::closed();
    let mut watched = world.watch().await;
    world.auth.fall_silent();
    world.fail().await;
    assert!(timeout(Duration::from_secs(1), watched.message()).await.is_err());
    world.revoke();
    world.auth.resume_answers();
    ends(&mut watched, Refused::TOKEN_REVOKED, Duration::from_millis(750)).await;
}

#[tokio::test(start_paused = true)]
async fn nonsensical_answer_is_no_evidence() {
    let world = Opened::closed();
    let mut watched = world.watch().await;
    world.set_answer(Err(Status::internal("no answer")));
    ends(&mut watched, Refused::AUTH_UNAVAILABLE, CHECK_INTERVAL + EVIDENCE_TIMEOUT).await;
}

#[tokio::test(start_paused = true)]
async fn running_unary_call_is_never_cut() {
    for silent in [false, true] {
        let world = Opened::closed();
        let mut probe = world.probe();
        let call = tokio::spawn(async move { probe.show().await });
        world.listener.met("begun").await;
        let asked = world.auth.count();
        if silent {
            world.auth.fall_silent();
        }
        world.revoke();
        advance(Duration::from_mins(1)).await;
        world.listener.send("now");
        call.await.unwrap().unwrap();
        assert_eq!(world.auth.count(), asked, "no request was sent");
    }
}

#[tokio::test(start_paused = true)]
async fn late_stream_sends_nothing_after_revocation() {
    let world = Opened::closed();
    let mut probe = world.probe();
    let call = tokio::spawn(async move { probe.listen().await });
    world.listener.met("begun").await;
    world.revoke();
    advance(Duration::from_mins(1)).await;
    world.listener.send("first");
    let mut answers = call.await.unwrap().unwrap();
    ends(&mut answers, Refused::TOKEN_REVOKED, Duration::ZERO).await;
    world.listener.met("sender dropped").await;
}

#[tokio::test(start_paused = true)]
async fn incomplete_request_ends_with_its_token() {
    let world = Opened::closed();
    let mut connection = h2_call(&world).await;
    world.revoke();
    let head = connection.response.as_mut().await.unwrap();
    Refused::TOKEN_REVOKED.is(&Status::from_header_map(head.headers()).unwrap());
    assert_eq!(world.listener.all(), [""; 0], "the handler did not run");
}

#[tokio::test(start_paused = true)]
async fn first_message_needs_no_second_verification() {
    let world = Opened::closed();
    let mut call = h2_call(&world).await;
    world.revoke();
    call.body.send_data(Bytes::from_static(EMPTY), false).unwrap();
    call.body.send_data(Bytes::new(), true).unwrap();
    world.listener.met("begun").await;
    world.listener.send("now");
    assert_eq!(call.response.as_mut().await.unwrap().status(), StatusCode::OK);
    assert_eq!(world.auth.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn late_first_message_waits_for_evidence() {
    let world = Opened::closed();
    let mut call = h2_call(&world).await;
    world.auth.fall_silent();
    advance(CHECK_INTERVAL).await;
    call.body.send_data(Bytes::from_static(EMPTY), true).unwrap();
    assert!(timeout(Duration::from_secs(1), world.listener.met("begun")).await.is_err());
    world.auth.resume_answers();
    world.listener.met("begun").await;
}

#[tokio::test(start_paused = true)]
async fn public_and_anonymous_streams_are_not_checked() {
    let policy = Policy::closed().with_health().rule(CHAT, Rule::Optional).rule(LISTEN, Rule::Optional);
    let world = Opened::new(policy);
    world.revoke();
    world.auth.fall_silent();
    // The guard ignores the token.
    let mut watched = world.watch().await;
    let mut answers = ProbeClient::new(world.server.channel()).chat(pending()).await.unwrap();
    let nothing = async {
        tokio::select! { _ = watched.message() => (), _ = answers.message() => () }
    };
    assert!(timeout(Duration::from_mins(1), nothing).await.is_err());
    world.fail().await;
    world.listener.send("first");
    assert_eq!(watched.message().await.unwrap().unwrap().status, ServingStatus::NotServing as i32);
    assert_eq!(answers.message().await.unwrap().as_deref(), Some("first"));
    assert_eq!(world.auth.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn optional_token_that_opened_a_stream_is_checked() {
    let world = Opened::new(Policy::closed().rule(CHAT, Rule::Optional));
    let (_ask, mut answers) = world.chat().await;
    world.revoke();
    ends(&mut answers, Refused::TOKEN_REVOKED, CHECK_INTERVAL).await;
}

#[tokio::test(start_paused = true)]
async fn cancelled_call_drops_its_handler() {
    let world = Opened::closed();
    let (ask, answers) = world.chat().await;
    drop((ask, answers));
    world.listener.met("sender dropped").await;
    world.listener.met("receiver dropped").await;

    let world = Opened::closed();
    let mut probe = world.probe();
    let call = tokio::spawn(async move { probe.gather(pending()).await });
    world.auth.asked(1).await;
    call.abort();
    world.listener.met("receiver dropped").await;
}

#[tokio::test(start_paused = true)]
async fn finished_stream_is_not_checked() {
    let world = Opened::closed();
    let mut probe = world.probe();
    assert_eq!(probe.gather(empty()).await.unwrap(), "done");
    let asked = world.auth.count();
    advance(Duration::from_mins(1)).await;
    assert_eq!(world.auth.count(), asked);
    assert_eq!(world.listener.all(), ["receiver dropped"]);
}

/// A unary call without its message.
struct HalfCall {
    response: Pin<Box<h2::client::ResponseFuture>>,
    body: h2::SendStream<Bytes>,
}

async fn h2_call(world: &Opened) -> HalfCall {
    let (response, body) = world.server.raw().await.begin(crate::support::SHOW).await;
    world.auth.asked(1).await;
    HalfCall { response: Box::pin(response), body }
}
