//! Wycheproof's 401 JWS vectors through the layer below the verifier (C1, C2, C14, C17).

use serde_json::Value;

use super::hs256;
use crate::keys::model::{JwkError, KeySet, VerifyingKey};
use crate::tokens::jws;

const VECTORS: &str = include_str!("../../../tests/vectors/wycheproof/json_web_signature_test.json");

/// Valid vectors refused by policy: PS256, PS384, PS512, RS384 and RS512 are not supported.
const OTHER_ALGORITHMS: [u64; 22] = [
    264, 265, 266, 267, // RS384
    268, 269, 270, 271, // RS512
    272, 273, 274, 275, 287, 288, // PS256
    320, 321, 322, 323, // PS384
    325, 326, 327, 328, // PS512
];

/// Vectors marked invalid that equal the valid vector 357 byte for byte.
const SAME_AS_357: [u64; 2] = [367, 370];

/// Vectors marked valid that this stricter layer refuses.
const REFUSED: [(u64, &str); 6] = [
    (346, "a PS384 token under a key that says PS256"),
    (347, "the key's algorithm is the unregistered ES521"),
    (350, "a PS384 token under a key that says PS256"),
    (351, "the key's algorithm is the unregistered ES521"),
    (372, "a '?' stands in the header's base64url"),
    (373, "a '?' stands in the payload's base64url"),
];

struct Vector {
    id: u64,
    jws: String,
    valid: bool,
    key: Result<VerifyingKey, JwkError>,
}

/// Returns every vector, each with its key.
fn vectors() -> Vec<Vector> {
    let file: Value = serde_json::from_str(VECTORS).unwrap();
    let mut vectors = Vec::new();
    for group in file["testGroups"].as_array().unwrap() {
        // A MAC has one key and no public half.
        let jwk = group.get("public").unwrap_or(&group["private"]).to_string();
        for test in group["tests"].as_array().unwrap() {
            vectors.push(Vector {
                id: test["tcId"].as_u64().unwrap(),
                jws: test["jws"].as_str().unwrap().to_owned(),
                valid: test["result"] == "valid",
                key: VerifyingKey::from_jwk(&jwk),
            });
        }
    }
    vectors
}

/// Opens a token with a key set that signs with another key and also accepts tokens of this one. Returns the payload.
fn open(jws: &str, key: VerifyingKey) -> Option<Vec<u8>> {
    jws::open(jws, &KeySet::new(hs256()).with(key)).map(|opened| opened.payload)
}

/// C1, C2, C14, C17: results are as marked, except the listed ones.
#[test]
fn wycheproof_results_match_with_listed_exceptions() {
    let vectors = vectors();
    assert_eq!(vectors.len(), 401);
    let valid_357 = vectors.iter().find(|vector| vector.id == 357).unwrap().jws.clone();
    let (mut as_marked, mut opened, mut by_policy, mut skipped, mut refused) = (0, 0, 0, 0, 0);
    for Vector { id, jws, valid, key } in vectors {
        let got = key.ok().and_then(|key| open(&jws, key)).is_some();
        opened += u32::from(got);
        if OTHER_ALGORITHMS.contains(&id) {
            assert!(valid && !got, "tcId {id}");
            by_policy += 1;
        } else if SAME_AS_357.contains(&id) {
            assert!(!valid && got && jws == valid_357, "tcId {id}");
            skipped += 1;
        } else if let Some((_, reason)) = REFUSED.iter().find(|(refused, _)| *refused == id) {
            assert!(valid && !got, "tcId {id}: {reason}");
            refused += 1;
        } else {
            assert_eq!(got, valid, "tcId {id}");
            as_marked += 1;
        }
    }
    assert_eq!((as_marked, by_policy, skipped, refused), (371, 22, 2, 6));
    // 46 vectors are marked valid. 22 and 6 of them are exceptions, and two more equal a valid one byte for byte.
    assert_eq!(opened, 20);
}

/// C2: a key for another algorithm or use is refused as a whole.
#[test]
fn key_for_another_algorithm_or_use_is_refused() {
    let (mut good, mut algorithm, mut usage) = (0, 0, 0);
    for Vector { id, key, .. } in vectors() {
        match key.map(|key| key.algorithm().name()) {
            Ok("HS256" | "ES256" | "RS256") => good += 1,
            Ok(other) => panic!("tcId {id}: {other}"),
            Err(JwkError::Algorithm) => algorithm += 1,
            Err(JwkError::Use) => usage += 1,
            Err(other) => panic!("tcId {id}: {other}"),
        }
    }
    // RS384, RS512, PS256, PS384, PS512 and ES521; then the four keys for encryption.
    assert_eq!((good, algorithm, usage), (312, 85, 4));
}

#[test]
fn payload_is_the_signed_text() {
    let payloads = vectors().into_iter().filter(|vector| [1, 18, 33, 259, 357].contains(&vector.id));
    let payloads: Vec<_> = payloads.map(|vector| open(&vector.jws, vector.key.ok().unwrap()).unwrap()).collect();
    assert_eq!(payloads, [&b"foo"[..], b"foo", b"foo", b"", b"Test"]);
}
