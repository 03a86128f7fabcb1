//! Cache of verified tokens: cached facts, and facts that are checked again.

use std::sync::Arc;
use std::time::Duration;

use gatepost::Token;
use testkit::start;

use super::{DAY, Draw, audiences, half, issue, key, verifier};
use crate::keys::model::{Algorithm, CurrentKeys, KeySet, Timetable};
use crate::tokens::{RememberingVerifier, TokenFault, Verifier};

#[test]
fn signature_is_checked_once_and_times_at_each_use() {
    let keys = Arc::new(KeySet::new(key(Algorithm::EdDsa)));
    let remembering = RememberingVerifier::new(verifier(&keys));
    let token = |text: &str| Token::parse(text).unwrap();
    let (good, garbage) = (token(&issue(&keys, &mut Draw(1))), token("garbage"));
    let digest = good.digest();
    assert_eq!(remembering.verify(&garbage, &digest, start()).err(), Some(TokenFault::Invalid), "not cached yet");
    let first = remembering.verify(&good, &digest, start()).unwrap();
    // A cached token is found by the digest alone.
    let again = remembering.verify(&garbage, &digest, start()).unwrap();
    assert!(Arc::ptr_eq(&first, &again));
    let over = start() + Duration::from_mins(30);
    assert_eq!(remembering.verify(&good, &digest, over).err(), Some(TokenFault::Expired));
    let early = start() - Duration::from_mins(1);
    assert_eq!(remembering.verify(&good, &digest, early).err(), Some(TokenFault::Invalid));
}

/// C4: a removed key verifies nothing, not even a cached token.
#[test]
fn cached_token_of_a_removed_key_is_refused() {
    let old = Arc::new(KeySet::new(key(Algorithm::EdDsa)));
    let keys = Arc::new(CurrentKeys::new(Timetable::always(Arc::clone(&old))));
    let remembering = RememberingVerifier::new(Verifier::new(Arc::clone(&keys), "gatepost".into(), audiences(), DAY));
    let token = Token::parse(&issue(&old, &mut Draw(1))).unwrap();
    let verify = || remembering.verify(&token, &token.digest(), start()).err();
    assert_eq!(verify(), None);
    let both = KeySet::new(key(Algorithm::Es256)).with(half(old.signing().unwrap()));
    keys.replace(Timetable::always(both));
    assert_eq!(verify(), None, "token still valid");
    keys.replace(Timetable::always(KeySet::new(key(Algorithm::Es256))));
    assert_eq!(verify(), Some(TokenFault::Invalid));
}
