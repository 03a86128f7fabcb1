//! Garbage tokens: clear cases cause no request, and the others wait.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gatepost::api::auth::v1::revocation::Target;
use gatepost::api::auth::v1::{Greeting, KeyName, NewSigningKeys};
use gatepost::{Token, TokenStatus, TrafficClass, Verify as _};
use tokio::task::{JoinSet, yield_now};
use tokio::time::Instant;

use crate::support::{Auth, Fed, Followed, Refused, SHOW, active, claims, grounded, position, start, start_with};

/// Returns a JWT with this header and an invalid signature.
fn jwt(header: &str, number: usize) -> String {
    let payload = format!(r#"{{"number":{number}}}"#);
    format!("{}.{}.c2ln", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload))
}

fn named(id: &str) -> String {
    jwt(&format!(r#"{{"typ":"at+jwt","alg":"EdDSA","kid":"{id}"}}"#), 0)
}

fn key(id: &str) -> KeyName {
    KeyName { id: id.into(), algorithm: "EdDSA".into() }
}

/// Starts the feed with a list of these keys.
async fn begin(world: &Followed, fed: &mut Fed, keys: &[&str]) {
    let keys = keys.iter().map(|id| key(id)).collect();
    fed.greet(Greeting { digest: vec![7], keys, ..Greeting::default() }).await;
    fed.reset(3).await;
    world.pass(1);
}

/// Returns the number of requests to the auth service.
fn asked(world: &Followed) -> usize {
    world.auth.count()
}

#[tokio::test]
async fn malformed_jwt_is_refused_without_request() {
    let (world, mut fed) = start().await;
    begin(&world, &mut fed, &["one"]).await;
    let whole = named("one");
    let cut = whole.rsplit_once('.').unwrap().0.to_owned();
    for garbage in [
        jwt(r#"{"alg":"none","kid":"one"}"#, 0),
        jwt(r#"{"alg":"ES256","kid":"one"}"#, 0),
        jwt(r#"{"alg":"EdDSA"}"#, 0),
        jwt(r#"{"alg":"EdDSA","kid":"' or 1=1 --"}"#, 0),
        format!("{whole}.c2ln"),
        format!("{whole}="),
        cut,
    ] {
        world.refused_bare(&garbage, Refused::TOKEN_INVALID).await;
    }
    assert_eq!((asked(&world), world.verifier.metrics().read().given_up), (0, 7));
    for plausible in [whole, named("two"), "a-service-key-is-no-jwt".into()] {
        world.refused_bare(&plausible, Refused::TOKEN_INVALID).await;
    }
    assert_eq!(asked(&world), 3, "tokens that may be valid cause requests");
}

#[tokio::test]
async fn key_list_follows_the_feed() {
    let (world, mut fed) = start().await;
    begin(&world, &mut fed, &["one"]).await;
    let mismatched = |id: &str| jwt(&format!(r#"{{"alg":"ES256","kid":"{id}"}}"#), 0);
    world.refused(&mismatched("two"), Refused::TOKEN_INVALID).await;
    assert_eq!(asked(&world), 1, "the key is not listed");
    let keys = vec![key("one"), key("two")];
    fed.revoke(4, Target::NewSigningKeys(NewSigningKeys { digest: vec![8], keys })).await;
    world.pass(1001);
    world.refused(&mismatched("two"), Refused::TOKEN_INVALID).await;
    assert_eq!(asked(&world), 1);
    // An auth service that sends no key list does not clear the last one.
    fed.revoke(5, Target::NewSigningKeys(NewSigningKeys::default())).await;
    world.refused(&mismatched("two"), Refused::TOKEN_INVALID).await;
    assert_eq!(asked(&world), 1);
}

#[tokio::test]
async fn form_alone_decides_without_a_key_list() {
    let (world, mut fed) = start().await;
    begin(&world, &mut fed, &[]).await;
    for number in 0..3 {
        world.refused(&jwt(r#"{"alg":"none"}"#, number), Refused::TOKEN_INVALID).await;
    }
    assert_eq!(asked(&world), 3);
    world.refused("eyJhbGciOiJub25lIn0.e30.", Refused::TOKEN_INVALID).await;
    assert_eq!(asked(&world), 3, "a JWT without a signature is invalid for any keys");
}

#[tokio::test]
async fn token_of_a_new_key_is_admitted() {
    let token = named("new");
    let known = token.clone();
    let auth = Auth::new(move |asked| {
        let mut answer = grounded(if asked == known { "good" } else { asked })?;
        answer.position = Some(position(3));
        Ok(answer)
    });
    let (world, mut fed) = start_with(auth).await;
    begin(&world, &mut fed, &["one"]).await;
    world.good(&token).await;
    world.good(&token).await;
    assert_eq!(asked(&world), 1);
}

/// Twelve peers send a hundred tokens with unknown keys each, and the auth service never answers them. Then a hundred
/// peers send new valid tokens.
#[tokio::test]
async fn unlisted_keys_do_not_delay_new_valid_tokens() {
    const GOOD: usize = 100;
    let auth = Auth::new(|token| if token.starts_with("cold") { Ok(active(claims())) } else { grounded(token) });
    let (world, mut fed) = start_with(auth.clone()).await;
    begin(&world, &mut fed, &["one"]).await;
    auth.fall_silent_about("eyJ");
    let later = Instant::now() + std::time::Duration::from_mins(1);
    let ask = |peer: u16, token: String| {
        let verifier = Arc::clone(&world.verifier);
        let asker = TrafficClass::NewCall(Some(([127, 0, 0, 1], peer).into()));
        async move { verifier.verify_for(&Token::parse(&token).unwrap(), asker, later).await }
    };
    let mut flood = JoinSet::new();
    for number in 0..1200 {
        let header = format!(r#"{{"typ":"at+jwt","alg":"EdDSA","kid":"made-up-{number}"}}"#);
        flood.spawn(ask(u16::try_from(number / 100).unwrap(), jwt(&header, number)));
    }
    auth.asked(8).await;
    for _ in 0..1000 {
        yield_now().await;
    }
    // Eight at once. On a busy machine the first requests may have timed out.
    assert!(auth.count() < 50, "the flood gets only its share of the hundred streams: {}", auth.count());
    let mut calls = JoinSet::new();
    for number in 0..GOOD {
        calls.spawn(ask(u16::try_from(100 + number).unwrap(), format!("cold-{number}")));
    }
    let mut good = 0;
    while let Some(call) = calls.join_next().await {
        good += usize::from(matches!(call.unwrap().unwrap().status, TokenStatus::Active(_)));
    }
    assert_eq!(good, GOOD);
    drop(world);
}

/// The guard itself distinguishes the first call on a new connection from later calls.
#[tokio::test]
async fn connections_count_as_separate_peers() {
    let (world, mut fed) = start().await;
    begin(&world, &mut fed, &["one"]).await;
    let raw = world.connect().await;
    for number in 0..20 {
        let header = format!(r#"{{"alg":"EdDSA","kid":"made-up-{number}"}}"#);
        let token = jwt(&header, number);
        Refused::TOKEN_INVALID.is(&raw.call(SHOW, &[("api-token", token.as_bytes())]).await.status());
    }
    world.pass(1);
    world.good("good").await;
}
