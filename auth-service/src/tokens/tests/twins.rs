//! Signature twins: a token has one signature, and its arithmetic equivalents and other forms are refused (C17).

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use testkit::start;

use super::{Draw, half, issue, key, keys, verifier};
use crate::keys::model::{Algorithm, KeySet};
use crate::tokens::TokenFault;

/// Order n of P-256, from RFC 5903 §3.1.
const P256_ORDER: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
/// Order L of Ed25519, from RFC 8032 §5.1, in the byte order of a signature.
const ED25519_ORDER: &str = "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// Returns a − b or a + b, as numbers with the least byte last.
fn computed(a: &[u8], b: &[u8], sign: i16) -> Vec<u8> {
    let mut carry = 0;
    let mut result: Vec<u8> = Vec::new();
    for (a, b) in a.iter().zip(b).rev() {
        let sum = i16::from(*a) + sign * i16::from(*b) + carry;
        carry = sum.div_euclid(256);
        result.insert(0, u8::try_from(sum.rem_euclid(256)).unwrap());
    }
    result
}

fn reversed(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().rev().copied().collect()
}

/// Returns the token with another signature.
fn with(token: &str, signature: &[u8]) -> String {
    format!("{}.{}", token.rsplit_once('.').unwrap().0, URL_SAFE_NO_PAD.encode(signature))
}

fn signature(token: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(token.rsplit_once('.').unwrap().1).unwrap()
}

/// C17: the ES256 twin is valid by arithmetic, and refused for a token.
#[test]
fn es256_twin_is_refused() {
    let keys = Arc::new(KeySet::new(key(Algorithm::Es256)));
    let public = half(keys.signing().unwrap());
    let mut draw = Draw(17);
    for _ in 0..200 {
        let token = issue(&keys, &mut draw);
        let (message, signature) = (token.rsplit_once('.').unwrap().0, signature(&token));
        let (r, s) = signature.split_at(32);
        assert!(Algorithm::Es256.is_canonical(&signature) && verifier(&keys).verify(&token, start()).is_ok());
        let twin = [r, &computed(&hex(P256_ORDER), s, -1)].concat();
        assert!(public.verifies(message.as_bytes(), &URL_SAFE_NO_PAD.encode(&twin)), "libraries accept the twin");
        assert_eq!(verifier(&keys).verify(&with(&token, &twin), start()), Err(TokenFault::Invalid));
    }
}

/// C17: ES256 in DER or out of range is refused.
#[test]
fn es256_der_and_out_of_range_are_refused() {
    let keys = Arc::new(KeySet::new(key(Algorithm::Es256)));
    let token = issue(&keys, &mut Draw(17));
    let signature = signature(&token);
    let (r, s) = signature.split_at(32);
    let (n, zero) = (hex(P256_ORDER), vec![0; 32]);
    let integer = |number: &[u8]| [&[2, 33, 0], number].concat();
    let der = [&[0x30, 70], integer(r).as_slice(), &integer(s)].concat();
    let plus_order = [r, &computed(s, &n, 1)].concat();
    for other in [
        [r, &zero].concat(),
        [&zero, s].concat(),
        [zero.as_slice(), &zero].concat(),
        [n.as_slice(), s].concat(),
        [r, &n].concat(),
        [n.as_slice(), &n].concat(),
        [r, &[0xff; 32]].concat(),
        [s, r].concat(),
        plus_order,
        der,
        signature[..63].to_vec(),
        [&signature[..], &[0]].concat(),
        [&[0], &signature[..]].concat(),
        [&[0], r, &[0], s].concat(),
        [r, s, s].concat(),
        r.to_vec(),
        Vec::new(),
    ] {
        assert_eq!(verifier(&keys).verify(&with(&token, &other), start()), Err(TokenFault::Invalid), "{other:02x?}");
    }
}

/// C17: `EdDSA` with a greater S is refused.
#[test]
fn eddsa_greater_s_is_refused() {
    let keys = Arc::new(KeySet::new(key(Algorithm::EdDsa)));
    let token = issue(&keys, &mut Draw(17));
    let signature = signature(&token);
    let (r, s) = signature.split_at(32);
    let mut s = reversed(s);
    // For these small k, S + k·L still fits into 32 bytes, and has the same remainder.
    for _ in 0..14 {
        s = computed(&s, &reversed(&hex(ED25519_ORDER)), 1);
        let other = [r, &reversed(&s)].concat();
        assert_eq!(verifier(&keys).verify(&with(&token, &other), start()), Err(TokenFault::Invalid));
    }
}

/// C17: an RS256 signature has the modulus's length and is below it.
#[test]
fn rs256_length_and_range_follow_the_modulus() {
    let keys = Arc::new(KeySet::new(key(Algorithm::Rs256)));
    let token = issue(&keys, &mut Draw(17));
    let signature = signature(&token);
    let jwk: serde_json::Value = serde_json::from_str(&keys.public()[0].jwk).unwrap();
    let n = URL_SAFE_NO_PAD.decode(jwk["n"].as_str().unwrap()).unwrap();
    for other in [
        [&[0], &signature[..]].concat(),
        [&signature[..], &[0]].concat(),
        signature[1..].to_vec(),
        computed(&n, &signature, -1),
        computed(&signature, &n, 1),
        n.clone(),
        vec![0; n.len()],
        Vec::new(),
    ] {
        assert_eq!(verifier(&keys).verify(&with(&token, &other), start()), Err(TokenFault::Invalid), "{other:02x?}");
    }
}

/// C17: a signature is refused if it is cut, stretched or doubled.
#[test]
fn cut_stretched_or_doubled_signatures_are_refused() {
    for keys in keys().map(|key| Arc::new(KeySet::new(key))) {
        let token = issue(&keys, &mut Draw(17));
        let whole = signature(&token);
        let verifier = verifier(&keys);
        for length in 0..whole.len() {
            assert_eq!(verifier.verify(&with(&token, &whole[..length]), start()), Err(TokenFault::Invalid), "{length}");
        }
        for other in [whole.repeat(2), [&whole[..], &[0]].concat(), reversed(&whole), vec![0; whole.len()]] {
            assert_eq!(verifier.verify(&with(&token, &other), start()), Err(TokenFault::Invalid));
        }
    }
}
