//! What is remembered of a token, and what is looked at again.

use std::sync::Arc;
use std::time::Duration;

use gatepost::Token;
use kit::testing::start;

use super::{Draw, issue, key, verifier};
use crate::tokens::{Algorithm, KeySet, RememberingVerifier, TokenFault};

#[test]
fn a_signature_is_checked_once_and_the_times_at_each_use() {
    let keys = Arc::new(KeySet::new(key(Algorithm::EdDsa)));
    let remembering = RememberingVerifier::new(verifier(&keys));
    let token = |text: &str| Token::parse(text).unwrap();
    let (good, garbage) = (token(&issue(&keys, &mut Draw(1))), token("garbage"));
    let digest = good.digest();
    assert_eq!(remembering.verify(&garbage, &digest, start()).err(), Some(TokenFault::Invalid), "not known yet");
    let first = remembering.verify(&good, &digest, start()).unwrap();
    // What is remembered is found by the digest alone.
    let again = remembering.verify(&garbage, &digest, start()).unwrap();
    assert!(Arc::ptr_eq(&first, &again));
    let over = start() + Duration::from_mins(30);
    assert_eq!(remembering.verify(&good, &digest, over).err(), Some(TokenFault::Expired));
    let early = start() - Duration::from_mins(1);
    assert_eq!(remembering.verify(&good, &digest, early).err(), Some(TokenFault::Invalid));
}
