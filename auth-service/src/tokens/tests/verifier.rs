//! What the verifier asks beyond the layer below it, and what it costs (C4, C15, C19).

use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::crypto;
use kit::testing::start;
use serde_json::json;

use super::{Draw, SECRET, ed25519, hs256, issue, verifier};
use crate::tokens::{KeySet, TokenFault, VerifyingKey, jws};

#[test]
fn c15_the_largest_token_costs_less_than_a_millisecond() {
    for key in [ed25519(), hs256()] {
        let keys = Arc::new(KeySet::new(key));
        let verifier = verifier(&keys);
        // Its signature is right, so that every step is taken; base64 makes 4 bytes of 3.
        let of = |length: usize| jws::sign(keys.signing(), "at+jwt", &"x".repeat(length)).unwrap();
        let length = (1..4096).rev().find(|length| of(*length).len() <= 4096).unwrap();
        let (largest, larger) = (of(length), of(length + 3));
        assert!((4094..=4096).contains(&largest.len()) && larger.len() > 4096);
        assert!(jws::open(&largest, &keys).is_some() && jws::open(&larger, &keys).is_none());
        // The best of many: how long it takes, and not how long this machine was busy with something else.
        let best = (0..200).map(|_| {
            let begin = Instant::now();
            assert_eq!(verifier.verify(&largest, start()), Err(TokenFault::Invalid));
            begin.elapsed()
        });
        let best = best.min().unwrap();
        assert!(best < Duration::from_millis(1), "{best:?}");
    }
}

#[test]
fn c19_an_old_key_verifies_while_the_set_holds_it() {
    let mut draw = Draw(19);
    let old = Arc::new(KeySet::new(ed25519()));
    let jwk = old.public()[0].jwk.clone();
    let token = issue(&old, &mut draw);
    let rotated = Arc::new(KeySet::new(ed25519()).with(VerifyingKey::from_jwk(&jwk).ok().unwrap()));
    let (_, key_id) = verifier(&rotated).verify(&token, start()).unwrap();
    assert_eq!(key_id, old.signing().id());
    let newer = issue(&rotated, &mut draw);
    assert_eq!(verifier(&rotated).verify(&newer, start()).unwrap().1, rotated.signing().id());
    let retired = Arc::new(KeySet::new(ed25519()));
    assert_eq!(verifier(&retired).verify(&token, start()), Err(TokenFault::Invalid));
}

#[test]
fn c4_an_access_token_names_its_key_in_plain_letters() {
    let token = issue(&Arc::new(KeySet::new(hs256())), &mut Draw(4));
    let payload = token.split('.').nth(1).unwrap();
    for kid in [None, Some("a.b"), Some("a/b")] {
        let mut keys = KeySet::new(hs256());
        if let Some(kid) = kid {
            let jwk = json!({"kty": "oct", "alg": "HS256", "kid": kid, "k": URL_SAFE_NO_PAD.encode(SECRET)});
            keys = keys.with(VerifyingKey::from_jwk(&jwk.to_string()).ok().unwrap());
        }
        let header = json!({"typ": "at+jwt", "alg": "HS256", "kid": kid}).to_string();
        let message = format!("{}.{payload}", URL_SAFE_NO_PAD.encode(header));
        let key = keys.signing();
        let signature = crypto::sign(message.as_bytes(), key.signing(), key.algorithm().computed_as()).unwrap();
        let token = format!("{message}.{signature}");
        // The layer below takes a key of any id, and a token without one where there is but one key.
        assert!(jws::open(&token, &keys).is_some(), "{kid:?}");
        assert_eq!(verifier(&Arc::new(keys)).verify(&token, start()), Err(TokenFault::Invalid), "{kid:?}");
    }
}
