//! A guard with a revocation feed: one request per token, and no admission on old evidence.

use std::time::Duration;

use gatepost::api::auth::v1::revocation::Target;
use gatepost::api::auth::v1::watch_revocations_request::Message as GuardMessage;
use gatepost::api::auth::v1::watch_revocations_response::Message as AuthMessage;
use gatepost::api::auth::v1::{Greeting, Renewal, Revocation, TokenState, UserRevocation};
use gatepost::{AuthService, Token, TokenStatus, Verify as _};
use tokio::time::Instant;
use tonic::transport::Endpoint;

use crate::support::{Auth, Port, Refused, fed, grounded, position, start};

#[tokio::test]
async fn renewed_introspection_needs_one_request() {
    let (world, mut fed) = fed().await;
    for _ in 0..3 {
        world.good("good").await;
    }
    assert_eq!(world.auth.count(), 1);
    for revision in [4, 6, 8] {
        world.pass(1000);
        fed.renew(revision).await;
        world.pass(1000);
        world.good("good").await;
    }
    assert_eq!(world.auth.count(), 1);
    world.pass(1);
    world.good("good").await;
    assert_eq!(world.auth.count(), 2, "the evidence is more than 1 s old");
}

#[tokio::test]
async fn custom_endpoint_works_like_a_url() {
    let (auth, port) = (Auth::new(grounded), Port::reserve());
    let _running = auth.serve(port.listen());
    let endpoint = Endpoint::from_shared(port.url()).unwrap();
    let [key, token] = ["the-key", "good"].map(|text| Token::parse(text).unwrap());
    let verifier = AuthService::builder(endpoint).service_key(&key).build().unwrap();
    assert_eq!(auth.stream().await.key.as_deref(), Some("the-key"));
    let introspection = verifier.verify(&token, Instant::now() + Duration::from_mins(1)).await.unwrap();
    assert!(matches!(introspection.status, TokenStatus::Active(_)));
}

#[tokio::test]
async fn revocation_refuses_at_once_without_request() {
    let (world, mut fed) = fed().await;
    world.good("good").await;
    world.good("seller").await;
    fed.revoke(4, Target::SessionId("another-session".into())).await;
    world.good("good").await;
    let user = |generation, state: TokenState| {
        Target::User(UserRevocation { user_id: "ada".into(), generation, state: state.into() })
    };
    fed.revoke(5, user(1, TokenState::Revoked)).await;
    world.good("good").await;
    fed.revoke(6, user(2, TokenState::UserDisabled)).await;
    world.refused("good", Refused::USER_DISABLED).await;
    fed.revoke(7, user(i32::MAX, TokenState::UserDeleted)).await;
    world.refused("seller", Refused::USER_DELETED).await;
    assert_eq!(world.auth.count(), 2);
}

#[tokio::test]
async fn ended_session_or_key_invalidates_its_tokens() {
    let (world, mut fed) = fed().await;
    world.good("good").await;
    fed.revoke(4, Target::SigningKeyId("kid".into())).await;
    // Tokens of this key need a new request. The auth service still calls them valid, at an outdated position.
    world.refused("good", Refused::AUTH_UNAVAILABLE).await;
    fed.revoke(5, Target::SessionId("session-1".into())).await;
    world.refused("seller", Refused::AUTH_UNAVAILABLE).await;
}

#[tokio::test]
async fn introspection_ahead_of_the_feed_lives_for_1_s() {
    let (world, mut fed) = fed().await;
    world.good("late").await;
    world.pass(1000);
    fed.renew(4).await;
    world.good("late").await;
    assert_eq!(world.auth.count(), 1);
    world.pass(1);
    world.good("late").await;
    assert_eq!(world.auth.count(), 2);
}

#[tokio::test]
async fn rejection_is_cached_for_1_s_despite_renewals() {
    let (world, mut fed) = fed().await;
    world.refused("garbage", Refused::TOKEN_INVALID).await;
    world.pass(1000);
    fed.renew(4).await;
    world.refused("garbage", Refused::TOKEN_INVALID).await;
    assert_eq!(world.auth.count(), 1);
    world.pass(1);
    world.refused("garbage", Refused::TOKEN_INVALID).await;
    assert_eq!(world.auth.count(), 2);
}

#[tokio::test]
async fn nothing_is_kept_before_the_feed_starts() {
    let (world, mut fed) = start().await;
    for count in [1, 2] {
        world.good("good").await;
        assert_eq!(world.auth.count(), count);
    }
    fed.greet(Greeting::default()).await;
    fed.reset(3).await;
    world.pass(1);
    world.good("good").await;
    world.good("good").await;
    assert_eq!(world.auth.count(), 3);
}

#[tokio::test]
async fn reset_causes_new_requests() {
    let (world, mut fed) = fed().await;
    world.good("good").await;
    fed.reset(3).await;
    world.pass(1);
    world.good("good").await;
    assert_eq!(world.auth.count(), 2);
}

#[tokio::test]
async fn new_stream_resumes_at_the_last_position() {
    let (world, mut first) = fed().await;
    world.good("good").await;
    first.renew(4).await;
    drop(first);
    let mut second = world.auth.stream().await;
    let resume = second.greet(Greeting { digest: vec![8], ..Greeting::default() }).await;
    // The digest is that of the last row.
    assert_eq!((resume.position, resume.digest), (Some(position(5)), Vec::new()));
    second.revoke(6, Target::SessionId("another-session".into())).await;
    world.good("good").await;
    assert_eq!(world.auth.count(), 1, "the introspection is still cached");
    drop(second);
    let resume = world.auth.stream().await.greet(Greeting::default()).await;
    assert_eq!((resume.position, resume.digest), (Some(position(6)), vec![8]));
}

#[tokio::test]
async fn unexpected_message_resets_stream_and_state() {
    let row = |revision, mark: u8, target| {
        AuthMessage::Revocation(Revocation {
            revision,
            mark: vec![mark; 16],
            target,
            create_time: None,
            keys: Vec::new(),
        })
    };
    let session = || Some(Target::SessionId("a".into()));
    let renewal = |revision| AuthMessage::Renewal(Renewal { nonce: 1, position: Some(position(revision)) });
    let state = UserRevocation { state: TokenState::Active.into(), ..UserRevocation::default() };
    let mut over = Vec::new();
    for nonsense in [
        Some(row(5, 2, session())),
        Some(row(3, 2, session())),
        Some(row(4, 2, None)),
        Some(row(4, 2, Some(Target::User(state)))),
        Some(AuthMessage::Revocation(Revocation {
            revision: 4,
            mark: vec![1],
            target: session(),
            create_time: None,
            keys: Vec::new(),
        })),
        Some(renewal(4)),
        Some(AuthMessage::Greeting(Greeting::default())),
        Some(AuthMessage::Reset(gatepost::api::auth::v1::Reset { position: None, keys: Vec::new() })),
        None,
    ] {
        let (world, fed) = fed().await;
        world.good("good").await;
        fed.send(nonsense.clone());
        let resume = world.auth.stream().await.greet(Greeting::default()).await;
        assert_eq!(resume.position, None, "{nonsense:?}");
        world.pass(1);
        world.good("good").await;
        assert_eq!(world.auth.count(), 2, "{nonsense:?}");
        // The guard keeps reconnecting, so the next world must not get its port.
        over.push(world);
    }
}

#[tokio::test]
async fn next_stream_opens_before_the_old_one_ends() {
    let (world, mut first) = start().await;
    let reopen_after = Some(prost_types::Duration { seconds: 0, nanos: 1 });
    first.greet(Greeting { reopen_after, ..Greeting::default() }).await;
    first.send(Some(AuthMessage::Reset(gatepost::api::auth::v1::Reset {
        position: Some(position(3)),
        keys: Vec::new(),
    })));
    let mut second = world.auth.stream().await;
    let resume = second.greet(Greeting::default()).await;
    assert_eq!(resume.position.map(|position| position.revision), Some(3));
    while first.receive().await.is_some() {}
}

#[tokio::test]
async fn next_stream_does_not_open_early() {
    let (world, mut first) = start().await;
    let reopen_after = Some(prost_types::Duration { seconds: 3600, nanos: 0 });
    first.greet(Greeting { reopen_after, ..Greeting::default() }).await;
    let renewals = async {
        first.reset(3).await;
        for revision in [4, 6, 8] {
            first.renew(revision).await;
        }
    };
    tokio::select! {
        biased;
        _ = world.auth.stream() => panic!("a second stream was opened an hour early"),
        () = renewals => {}
    }
}

#[tokio::test]
async fn stream_without_answers_ends_after_two_seconds() {
    let (world, mut first) = start().await;
    first.greet(Greeting::default()).await;
    let is_renewal = |message: Option<GuardMessage>| matches!(message, Some(GuardMessage::Renew(_)));
    while !is_renewal(first.receive().await) {}
    world.pass(2000);
    // The guard sends the second one after the time has passed.
    for _ in 0..2 {
        assert!(is_renewal(first.receive().await), "the stream ends early");
    }
    world.pass(1);
    while first.receive().await.is_some() {}
    world.auth.stream().await;
}

#[tokio::test]
async fn known_tokens_live_for_1_s_without_auth() {
    let (world, fed) = fed().await;
    world.good("good").await;
    drop(fed);
    world.auth.fall_silent();
    world.pass(1000);
    world.good("good").await;
    world.pass(1);
    world.refused("good", Refused::AUTH_UNAVAILABLE).await;
}
