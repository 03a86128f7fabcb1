//! Checks of the verifier beyond the layer below, and their cost (C4, C11, C12, C15, C19).

use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use testkit::start;

use super::{Draw, SECRET, half, hs256, issue, issue_after, issuer, keys, other, part, sign, verifier};
use crate::domain::Horizon;
use crate::keys::model::{KeySet, VerifyingKey};
use crate::tokens::{RememberingVerifier, TokenFault, jws};

/// C15: the largest token costs less than a millisecond.
#[test]
fn largest_token_costs_below_a_millisecond() {
    for keys in keys().map(|key| Arc::new(KeySet::new(key))) {
        let verifier = verifier(&keys);
        // The signature is valid, so that every step runs; base64 turns 3 bytes into 4.
        let of = |length: usize| jws::sign(keys.signing().unwrap(), "at+jwt", &"x".repeat(length)).unwrap();
        let around = |length: usize| 4096 - 3 < length && length <= 4096;
        let (mut low, mut high) = (1, 4096);
        while low + 1 < high {
            let middle = usize::midpoint(low, high);
            if of(middle).len() <= 4096 { low = middle } else { high = middle }
        }
        let (largest, larger) = (of(low), of(high));
        assert!(around(largest.len()) && larger.len() > 4096, "{}", largest.len());
        assert!(jws::open(&largest, &keys).is_some() && jws::open(&larger, &keys).is_none());
        // The best of many runs excludes the time in which the machine was busy with other work.
        let best = (0..200).map(|_| {
            let begin = Instant::now();
            assert_eq!(verifier.verify(&largest, start()), Err(TokenFault::Invalid));
            begin.elapsed()
        });
        let best = best.min().unwrap();
        assert!(best < Duration::from_millis(1), "{:?}: {best:?}", keys.signing().unwrap().algorithm());
    }
}

/// C11: a token ends with its session at the latest.
#[test]
fn token_ends_with_its_session() {
    for keys in keys().map(|key| Arc::new(KeySet::new(key))) {
        let verifier = verifier(&keys);
        let token = issue(&keys, &mut Draw(11));
        let end = start() + Duration::from_mins(30);
        assert!(verifier.verify(&token, end - Duration::from_secs(1)).is_ok());
        assert_eq!(verifier.verify(&token, end), Err(TokenFault::Expired));
    }
}

/// C12: the issue time of a token may be up to five seconds in the future.
#[test]
fn token_may_be_issued_up_to_five_seconds_ahead() {
    for keys in keys().map(|key| Arc::new(KeySet::new(key))) {
        let verifier = verifier(&keys);
        let token = issue(&keys, &mut Draw(12));
        assert!(verifier.verify(&token, start() - Duration::from_secs(5)).is_ok());
        assert_eq!(verifier.verify(&token, start() - Duration::from_secs(6)), Err(TokenFault::Invalid));
    }
}

/// C12: with a clock, the issue time may be ahead of the clock and of `now`, by the leeway of the settings.
#[test]
fn issue_time_may_be_ahead_by_the_set_leeway() {
    let keys = Arc::new(KeySet::new(hs256()));
    let token = issue(&keys, &mut Draw(12));
    let early = start() - Duration::from_secs(100);
    for (behind, is_good) in [(60, true), (61, false)] {
        let clock = kit::Clock::manual(start() - Duration::from_secs(behind));
        let verifier = verifier(&keys).with_leeway(chrono::TimeDelta::minutes(1), clock);
        assert_eq!(verifier.verify(&token, early).is_ok(), is_good, "{behind}");
    }
}

/// A token is issued after the horizon, which kills earlier ones, and names its issuer.
#[test]
fn token_is_issued_after_the_horizon() {
    let keys = Arc::new(KeySet::new(hs256()));
    let token = issue_after(&keys, &mut Draw(12), Horizon::from(start() + Duration::from_millis(700)));
    let claims: serde_json::Value = serde_json::from_str(&part(&token, 1)).unwrap();
    assert_eq!(claims["iat"], start().timestamp() + 1);
    assert_eq!(claims["iss"], issuer(&keys).name());
    assert_eq!(issuer(&keys).name(), "gatepost");
}

/// C11, C12: the times of a kept token are checked again.
#[test]
fn times_of_a_kept_token_are_checked_again() {
    for keys in keys().map(|key| Arc::new(KeySet::new(key))) {
        let verifier = verifier(&keys);
        let token = issue(&keys, &mut Draw(25));
        let kept = verifier.verify(&token, start()).unwrap();
        for seconds in (-8..8).chain(1790..1810).chain([i64::from(u32::MAX)]) {
            let now = start() + chrono::TimeDelta::seconds(seconds);
            let afresh = verifier.verify(&token, now).map(|_| ());
            assert_eq!(kept.is_live_at(now, now + chrono::TimeDelta::seconds(5)), afresh, "{seconds}");
            let expected = match seconds {
                ..-5 => Err(TokenFault::Invalid),
                -5..1800 => Ok(()),
                _ => Err(TokenFault::Expired),
            };
            assert_eq!(afresh, expected, "{seconds}");
        }
    }
}

/// C12: a token is invalid until its issue time and its `nbf` have both come.
#[test]
fn token_is_invalid_before_its_later_time() {
    for keys in keys().map(|key| Arc::new(KeySet::new(key))) {
        let verifier = verifier(&keys);
        let token = issue(&keys, &mut Draw(12));
        let header = serde_json::from_str(&part(&token, 0)).unwrap();
        let mut claims: serde_json::Value = serde_json::from_str(&part(&token, 1)).unwrap();
        claims["nbf"] = json!(claims["iat"].as_i64().unwrap() + 60);
        let token = sign(keys.signing().unwrap(), &header, &claims.to_string());
        for (seconds, is_good) in [(0, false), (54, false), (55, true), (60, true)] {
            let now = start() + Duration::from_secs(seconds);
            assert_eq!(verifier.verify(&token, now).is_ok(), is_good, "{seconds}");
        }
    }
}

/// C19: an old key of any algorithm verifies while the set holds it.
#[test]
fn old_key_of_any_algorithm_verifies_while_in_set() {
    let mut draw = Draw(19);
    for old in keys() {
        let verifying = half(&old);
        let old = Arc::new(KeySet::new(old));
        let token = issue(&old, &mut draw);
        let rotated = Arc::new(KeySet::new(other(super::Algorithm::EdDsa)).with(verifying));
        assert_eq!(verifier(&rotated).verify(&token, start()).unwrap().key_id(), old.signing().unwrap().id());
        let newer = issue(&rotated, &mut draw);
        assert_eq!(verifier(&rotated).verify(&newer, start()).unwrap().key_id(), rotated.signing().unwrap().id());
        // Another key of the same algorithm does not verify the token.
        let retired = Arc::new(KeySet::new(other(old.signing().unwrap().algorithm())));
        assert_eq!(verifier(&retired).verify(&token, start()), Err(TokenFault::Invalid));
    }
}

/// C4: an access token names its key in plain letters.
#[test]
fn access_token_names_its_key_in_plain_letters() {
    let token = issue(&Arc::new(KeySet::new(hs256())), &mut Draw(4));
    for kid in [None, Some("a.b"), Some("a/b")] {
        let mut keys = KeySet::new(hs256());
        if let Some(kid) = kid {
            let jwk = json!({"kty": "oct", "alg": "HS256", "kid": kid, "k": URL_SAFE_NO_PAD.encode(SECRET)});
            keys = keys.with(VerifyingKey::from_jwk(&jwk.to_string()).ok().unwrap());
        }
        let header = json!({"typ": "at+jwt", "alg": "HS256", "kid": kid});
        let token = sign(keys.signing().unwrap(), &header, &part(&token, 1));
        // The layer below accepts a key with any id, and a token without a key id if there is only one key.
        assert!(jws::open(&token, &keys).is_some(), "{kid:?}");
        assert_eq!(verifier(&Arc::new(keys)).verify(&token, start()), Err(TokenFault::Invalid), "{kid:?}");
    }
}

/// Returns a token of a new key that the verifier does not know, with these changes.
fn unknown(change: impl FnOnce(&mut serde_json::Value, &mut serde_json::Value)) -> String {
    let signer = other(super::Algorithm::EdDsa);
    let token = issue(&Arc::new(KeySet::new(signer)), &mut Draw(4));
    let [mut header, mut claims] = [0, 1].map(|at| serde_json::from_str(&part(&token, at)).unwrap());
    change(&mut header, &mut claims);
    let encode = |value: &serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{}", encode(&header), encode(&claims), token.rsplit_once('.').unwrap().1)
}

/// Returns a verifier with one key of the database.
fn verifier_of_pairs() -> super::Verifier {
    let key = Arc::new(super::key(super::Algorithm::EdDsa));
    let record = crate::domain::SigningKeyRecord {
        number: 1,
        id: key.id().to_owned(),
        algorithm: "EdDSA".into(),
        public_jwk: key.public().unwrap().jwk,
        create_time: start(),
        sign_time: start(),
        retire_time: None,
        verify_until: None,
    };
    let verifying = Arc::clone(key.verifying());
    let member = crate::keys::model::Member { record, key: Some(key), verifying };
    super::verifier_by(super::Timetable::new(&[member]))
}

/// C4: an unknown key causes a poll only if the poll can help.
#[test]
fn key_is_polled_only_if_a_poll_can_help() {
    let verifier = verifier_of_pairs();
    let lacks = |token: &str, seconds| verifier.lacks_key(token, start() + chrono::TimeDelta::seconds(seconds));
    let good = unknown(|_, _| {});
    assert!(lacks(&good, 0).is_some() && lacks(&good, 62).is_some());
    let remembering = RememberingVerifier::new(verifier_of_pairs());
    let named: serde_json::Value = serde_json::from_str(&part(&good, 0)).unwrap();
    let asked = remembering.lacks_key(&gatepost::Token::parse(&good).unwrap(), start());
    assert_eq!((asked.as_deref(), lacks(&good, 0).as_deref()), (named["kid"].as_str(), named["kid"].as_str()));
    assert_eq!(lacks(&good, 63), None, "the key would be known by now");
    for (what, token) in [
        ("type", unknown(|header, _| header["typ"] = json!("JWT"))),
        ("algorithm", unknown(|header, _| header["alg"] = json!("RS256"))),
        ("a secret's", unknown(|header, _| header["alg"] = json!("HS256"))),
        ("parameter", unknown(|header, _| header["crit"] = json!([]))),
        ("key id", unknown(|header, _| header["kid"] = json!("../key"))),
        ("issuer", unknown(|_, claims| claims["iss"] = json!("another"))),
        ("audience", unknown(|_, claims| claims["aud"] = json!("another"))),
        ("claim", unknown(|_, claims| claims["more"] = json!(1))),
        ("lifetime", unknown(|_, claims| claims["exp"] = json!(i64::MAX))),
        ("over", unknown(|_, claims| claims["exp"] = claims["iat"].clone())),
        ("to come", unknown(|_, claims| claims["nbf"] = json!(claims["iat"].as_i64().unwrap() + 60))),
        ("signature", good.rsplit_once('.').unwrap().0.to_owned() + ".c2ln"),
        ("parts", format!("{good}.{good}")),
    ] {
        assert_eq!(lacks(&token, 0), None, "{what}");
    }
    let fixed = super::verifier(&Arc::new(KeySet::new(hs256())));
    assert_eq!(fixed.lacks_key(&good, start()), None, "a secret has no successor in the database");
}
