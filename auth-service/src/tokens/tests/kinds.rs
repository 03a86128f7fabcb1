//! Token kinds: only an access token is accepted as one, under any algorithm (C6, C7).

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use testkit::start;

use super::{Draw, issue, part, set_of_all, sign, verifier};
use crate::keys::model::{Algorithm, KeySet};
use crate::tokens::TokenFault;

/// Random cases per test and algorithm.
const CASES: usize = 500;

/// Values of `typ` that must be refused: types of other tokens (RFC 7519 §5.1, RFC 9068 §2.1, RFC 7515 §4.1.9), other
/// spellings, and values that name no token.
const OTHER_TYPES: [&str; 18] = [
    "",
    "JWT",
    "jwt",
    "at",
    "AT+JWT",
    "At+Jwt",
    "at+JWT",
    "application/at+jwt",
    "rt+jwt",
    "refresh+jwt",
    "it+jwt",
    "id+jwt",
    "logout+jwt",
    "secevent+jwt",
    "dpop+jwt",
    "token-introspection+jwt",
    "JOSE",
    "at jwt",
];

/// Returns the type of an access token after one random change, which may have no effect.
fn near_miss(draw: &mut Draw) -> String {
    let mut text: Vec<char> = "at+jwt".chars().collect();
    let place = draw.below(text.len());
    let other = char::from_u32(u32::try_from(draw.below(0x250)).unwrap()).unwrap();
    match draw.below(6) {
        0 => drop(text.remove(place)),
        1 => text.insert(place, other),
        2 => text.push(other),
        3 => text[place] = other,
        4 => text[place] = text[place].to_ascii_uppercase(),
        _ => text.swap(place, (place + 1) % 6),
    }
    text.into_iter().collect()
}

/// Returns a header with this type, for the set's signing key.
fn header(set: &KeySet, typ: &Value) -> Value {
    json!({"typ": typ, "alg": set.signing().unwrap().algorithm().name(), "kid": set.signing().unwrap().id()})
}

/// C6, C7: a token of another type is not an access token.
#[test]
fn other_token_types_are_not_access_tokens() {
    let mut draw = Draw(6);
    for algorithm in Algorithm::ALL {
        let set = set_of_all(algorithm);
        let verifier = verifier(&set);
        let payload = part(&issue(&set, &mut draw), 1);
        let is_taken =
            |header: &Value| verifier.verify(&sign(set.signing().unwrap(), header, &payload), start()).is_ok();
        assert!(is_taken(&header(&set, &json!("at+jwt"))));
        for typ in OTHER_TYPES {
            assert!(!is_taken(&header(&set, &json!(typ))), "{typ}");
        }
        for typ in [json!(null), json!(["at+jwt"]), json!({"at+jwt": true}), json!(true), json!(7)] {
            assert!(!is_taken(&header(&set, &typ)), "{typ}");
        }
        let mut missing = header(&set, &json!(null));
        missing.as_object_mut().unwrap().remove("typ");
        assert!(!is_taken(&missing));
        for _ in 0..CASES {
            let typ = near_miss(&mut draw);
            assert_eq!(is_taken(&header(&set, &json!(typ))), typ == "at+jwt", "{typ:?}");
        }
    }
}

/// C7: a token with other claims is not an access token.
#[test]
fn other_claims_are_not_access_tokens() {
    let mut draw = Draw(7);
    for algorithm in Algorithm::ALL {
        let set = set_of_all(algorithm);
        let payload: Value = serde_json::from_str(&part(&issue(&set, &mut draw), 1)).unwrap();
        let names: Vec<String> = payload.as_object().unwrap().keys().cloned().collect();
        for case in 0..CASES {
            let mut other = payload.clone();
            let claims = other.as_object_mut().unwrap();
            let name = &names[draw.below(names.len())];
            // One claim is removed, added, renamed, or changed to another type.
            let value = if case % 4 == 1 { json!(draw.id()) } else { claims.remove(name).unwrap() };
            match case % 4 {
                0 => {}
                1 => drop(claims.insert(["scope", "nonce", "act", "client_id", "cnf"][draw.below(5)].into(), value)),
                2 => drop(claims.insert(format!("{name}_"), value)),
                _ => drop(claims.insert(name.clone(), json!({"value": value}))),
            }
            let token = sign(set.signing().unwrap(), &header(&set, &json!("at+jwt")), &other.to_string());
            assert_eq!(verifier(&set).verify(&token, start()), Err(TokenFault::Invalid), "{other}");
        }
    }
}

/// Returns a secret that is not a JWT: another kind of token or key, an id, or random text in one to three parts.
fn opaque(draw: &mut Draw) -> String {
    let bytes: Vec<u8> = (0..=draw.below(96)).map(|_| draw.next().to_be_bytes()[0]).collect();
    let text = URL_SAFE_NO_PAD.encode(&bytes);
    match draw.below(8) {
        0 => format!("gpr_{text}"),
        1 => format!("gpk_{text}"),
        2 => format!("s-{text}"),
        3 => draw.id().to_string(),
        4 => STANDARD.encode(&bytes),
        5 => format!("gpr_{text}.{text}.{text}"),
        6 => format!("{text}.{text}.{text}"),
        _ => format!("{text}.{text}"),
    }
}

/// C7: a secret of another kind is not an access token.
#[test]
fn other_secrets_are_not_access_tokens() {
    let mut draw = Draw(77);
    for algorithm in Algorithm::ALL {
        let set = set_of_all(algorithm);
        let verifier = verifier(&set);
        let parts: Vec<String> = issue(&set, &mut draw).split('.').map(str::to_owned).collect();
        for _ in 0..CASES {
            let text = opaque(&mut draw);
            assert_eq!(verifier.verify(&text, start()), Err(TokenFault::Invalid), "{text}");
            // The secret is also refused in place of a part of a token, and before or after a whole token.
            let mut mixed = parts.clone();
            mixed[draw.below(3)].clone_from(&text);
            let whole = parts.join(".");
            for mixed in
                [mixed.join("."), format!("{text}.{whole}"), format!("{whole}.{text}"), format!("{text}{whole}")]
            {
                assert_eq!(verifier.verify(&mixed, start()), Err(TokenFault::Invalid), "{mixed}");
            }
        }
    }
}
