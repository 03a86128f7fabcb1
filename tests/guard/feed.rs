//! A guard that follows the revocations asks once for each token, and lets nobody in on old evidence.

use std::time::Duration;

use gatepost::api::auth::v1::revocation::Target;
use gatepost::api::auth::v1::watch_revocations_response::Message as Say;
use gatepost::api::auth::v1::{Greeting, Renewal, Revocation, TokenState, UserRevocation};
use gatepost::{AuthService, Token, Verify as _, Worth};
use tokio::time::Instant;
use tonic::transport::Endpoint;

use crate::support::{Auth, Port, Refused, fed, grounded, position, start};

#[tokio::test]
async fn a_token_is_asked_about_once_while_its_verdict_is_renewed() {
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
    assert_eq!(world.auth.count(), 2, "nobody has vouched for it for more than a second");
}

#[tokio::test]
async fn an_endpoint_of_ones_own_is_asked_and_followed_like_a_url() {
    let (auth, port) = (Auth::new(grounded), Port::reserve());
    let _running = auth.serve(port.listen());
    let endpoint = Endpoint::from_shared(port.url()).unwrap();
    let [key, token] = ["the-key", "good"].map(|text| Token::parse(text).unwrap());
    let verifier = AuthService::builder(endpoint).service_key(&key).build().unwrap();
    assert_eq!(auth.stream().await.key.as_deref(), Some("the-key"));
    let verdict = verifier.verify(&token, Instant::now() + Duration::from_mins(1)).await.unwrap();
    assert!(matches!(verdict.worth, Worth::Valid(_)));
}

#[tokio::test]
async fn a_revocation_is_a_refusal_at_once_and_no_question() {
    let (world, mut fed) = fed().await;
    world.good("good").await;
    world.good("seller").await;
    fed.revoke(4, Target::SessionId("somebody else's".into())).await;
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
async fn a_session_and_a_key_that_end_take_their_tokens_along() {
    let (world, mut fed) = fed().await;
    world.good("good").await;
    fed.revoke(4, Target::SigningKeyId("kid".into())).await;
    // What its tokens are from now on the auth service knows, and it still says that they are good.
    world.refused("good", Refused::AUTH_UNAVAILABLE).await;
    fed.revoke(5, Target::SessionId("session-1".into())).await;
    world.refused("seller", Refused::AUTH_UNAVAILABLE).await;
}

#[tokio::test]
async fn a_verdict_that_is_not_of_this_feed_lives_for_its_own_second() {
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
async fn a_refusal_is_kept_for_a_second_and_nothing_renews_it() {
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
async fn before_the_feed_has_begun_nothing_is_kept() {
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
async fn after_a_reset_everything_is_asked_anew() {
    let (world, mut fed) = fed().await;
    world.good("good").await;
    fed.reset(3).await;
    world.pass(1);
    world.good("good").await;
    assert_eq!(world.auth.count(), 2);
}

#[tokio::test]
async fn a_feed_goes_on_where_it_was() {
    let (world, mut first) = fed().await;
    world.good("good").await;
    first.renew(4).await;
    drop(first);
    let mut second = world.auth.stream().await;
    let resume = second.greet(Greeting { digest: vec![8], ..Greeting::default() }).await;
    // The digest is what the last row has told.
    assert_eq!((resume.position, resume.digest), (Some(position(5)), Vec::new()));
    second.revoke(6, Target::SessionId("somebody else's".into())).await;
    world.good("good").await;
    assert_eq!(world.auth.count(), 1, "what was known is known still");
    drop(second);
    let resume = world.auth.stream().await.greet(Greeting::default()).await;
    assert_eq!((resume.position, resume.digest), (Some(position(6)), vec![8]));
}

#[tokio::test]
async fn whatever_is_not_the_next_thing_ends_the_stream_and_all_that_was_known() {
    let row = |revision, mark: u8, target| {
        Say::Revocation(Revocation { revision, mark: vec![mark; 16], target, create_time: None, keys: Vec::new() })
    };
    let session = || Some(Target::SessionId("a".into()));
    let renewal = |revision| Say::Renewal(Renewal { nonce: 1, position: Some(position(revision)) });
    let state = UserRevocation { state: TokenState::Active.into(), ..UserRevocation::default() };
    let mut over = Vec::new();
    for nonsense in [
        Some(row(5, 2, session())),
        Some(row(3, 2, session())),
        Some(row(4, 2, None)),
        Some(row(4, 2, Some(Target::User(state)))),
        Some(Say::Revocation(Revocation {
            revision: 4,
            mark: vec![1],
            target: session(),
            create_time: None,
            keys: Vec::new(),
        })),
        Some(renewal(4)),
        Some(Say::Greeting(Greeting::default())),
        Some(Say::Reset(gatepost::api::auth::v1::Reset { position: None, keys: Vec::new() })),
        None,
    ] {
        let (world, fed) = fed().await;
        world.good("good").await;
        fed.say(nonsense.clone());
        let resume = world.auth.stream().await.greet(Greeting::default()).await;
        assert_eq!(resume.position, None, "{nonsense:?}");
        world.pass(1);
        world.good("good").await;
        assert_eq!(world.auth.count(), 2, "{nonsense:?}");
        // Its guard goes on dialling: the next world must not be given its port.
        over.push(world);
    }
}

#[tokio::test]
async fn the_next_stream_is_there_before_the_old_one_ends() {
    let (world, mut first) = start().await;
    let reopen_after = Some(prost_types::Duration { seconds: 0, nanos: 1 });
    first.greet(Greeting { reopen_after, ..Greeting::default() }).await;
    first.say(Some(Say::Reset(gatepost::api::auth::v1::Reset { position: Some(position(3)), keys: Vec::new() })));
    let mut second = world.auth.stream().await;
    let resume = second.greet(Greeting::default()).await;
    assert_eq!(resume.position.map(|position| position.revision), Some(3));
    while first.hear().await.is_some() {}
}

#[tokio::test]
async fn without_the_auth_service_warm_tokens_live_for_a_second() {
    let (world, fed) = fed().await;
    world.good("good").await;
    drop(fed);
    world.auth.fall_silent();
    world.pass(1000);
    world.good("good").await;
    world.pass(1);
    world.refused("good", Refused::AUTH_UNAVAILABLE).await;
}
