//! Which JWKs are keys for us: each for one algorithm, for signatures, and strong enough (C2).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::keys::model::{Algorithm, JwkError, KeySet, VerifyingKey};

/// A key of RFC 7515 appendix A.3.
fn es256() -> Value {
    json!({"kty": "EC", "crv": "P-256", "alg": "ES256", "kid": "ec",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"})
}

fn hs256() -> Value {
    json!({"kty": "oct", "alg": "HS256", "kid": "mac", "k": URL_SAFE_NO_PAD.encode([7; 32])})
}

fn ed25519() -> Value {
    json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": "ed", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})
}

/// A number of so many bits, for a modulus: whether it is the product of two primes is not what is asked here.
fn rs256(bits: usize) -> Value {
    let mut modulus = vec![0xff; bits.div_ceil(8)];
    modulus[0] = 0xff >> (modulus.len() * 8 - bits);
    json!({"kty": "RSA", "alg": "RS256", "kid": "rsa", "n": URL_SAFE_NO_PAD.encode(modulus), "e": "AQAB"})
}

fn read(jwk: &Value) -> Result<Algorithm, JwkError> {
    VerifyingKey::from_jwk(&jwk.to_string()).map(|key| key.algorithm())
}

fn changed(jwk: &Value, name: &str, to: Value) -> Result<Algorithm, JwkError> {
    let mut jwk = jwk.clone();
    jwk[name] = to;
    read(&jwk)
}

#[test]
fn jwk_is_for_its_named_algorithm_only() {
    let keys = [
        (hs256(), Algorithm::Hs256),
        (ed25519(), Algorithm::EdDsa),
        (es256(), Algorithm::Es256),
        (rs256(2048), Algorithm::Rs256),
    ];
    for (jwk, algorithm) in &keys {
        assert_eq!(read(jwk), Ok(*algorithm));
        for (_, other) in keys.iter().filter(|(_, other)| other != algorithm) {
            assert_eq!(changed(jwk, "alg", json!(other.name())), Err(JwkError::Material), "{jwk} {other:?}");
        }
        for unknown in [json!(null), json!("none"), json!("ES521"), json!("PS256"), json!("es256")] {
            assert_eq!(changed(jwk, "alg", unknown), Err(JwkError::Algorithm));
        }
    }
}

#[test]
fn jwk_for_another_use_is_refused() {
    for jwk in [hs256(), ed25519(), es256(), rs256(2048)] {
        assert!(changed(&jwk, "use", json!("sig")).is_ok());
        assert!(changed(&jwk, "key_ops", json!(["sign", "verify"])).is_ok());
        assert_eq!(changed(&jwk, "use", json!("enc")), Err(JwkError::Use));
        for operations in [json!([]), json!(["sign"]), json!(["encrypt", "decrypt"]), json!(["VERIFY"])] {
            assert_eq!(changed(&jwk, "key_ops", operations), Err(JwkError::Use));
        }
        let mut both = jwk;
        both["key_ops"] = json!(["verify"]);
        assert_eq!(changed(&both, "use", json!("enc")), Err(JwkError::Use));
    }
}

#[test]
fn jwk_is_an_object_with_type_id_and_no_duplicates() {
    for kid in [json!(""), json!("k".repeat(65)), json!(7), json!(null)] {
        assert_eq!(changed(&es256(), "kid", kid), Err(JwkError::Form));
    }
    let twice = es256().to_string().replacen('{', r#"{"alg":"ES256","#, 1);
    for text in ["", "[]", "{}", r#"["EC"]"#, &twice] {
        assert_eq!(VerifyingKey::from_jwk(text).err(), Some(JwkError::Form), "{text}");
    }
    assert_eq!(changed(&es256(), "x5u", json!("http://127.0.0.1:1/")), Ok(Algorithm::Es256), "others are ignored");
}

#[test]
fn weak_or_broken_material_is_refused() {
    assert_eq!(changed(&hs256(), "k", json!(URL_SAFE_NO_PAD.encode([7; 31]))), Err(JwkError::Material));
    assert_eq!(changed(&hs256(), "crv", json!("P-256")), Err(JwkError::Material));
    for crv in [json!("P-256K"), json!("P-384"), json!(null)] {
        assert_eq!(changed(&es256(), "crv", crv), Err(JwkError::Material));
    }
    // Not on the curve; a byte short; the padded form; no coordinate at all.
    for y in [json!(URL_SAFE_NO_PAD.encode([1; 32])), json!("AAAA"), json!(format!("{}=", "A".repeat(43))), json!(null)]
    {
        assert_eq!(changed(&es256(), "y", y), Err(JwkError::Material));
    }
    // The same point with its border moved by a byte.
    let coordinate = |name: &str| URL_SAFE_NO_PAD.decode(es256()[name].as_str().unwrap()).unwrap();
    let (mut x, mut y) = (coordinate("x"), coordinate("y"));
    x.push(y.remove(0));
    let mut moved = es256();
    (moved["x"], moved["y"]) = (json!(URL_SAFE_NO_PAD.encode(x)), json!(URL_SAFE_NO_PAD.encode(y)));
    assert_eq!(read(&moved), Err(JwkError::Material));
    assert_eq!(changed(&ed25519(), "x", json!(URL_SAFE_NO_PAD.encode([1; 31]))), Err(JwkError::Material));
    assert_eq!(changed(&ed25519(), "crv", json!("Ed448")), Err(JwkError::Material));
    for (bits, good) in [(1024, false), (2047, false), (2048, true), (2049, true), (8192, true), (8193, false)] {
        assert_eq!(read(&rs256(bits)).is_ok(), good, "{bits} bits");
    }
    let stretched = URL_SAFE_NO_PAD.encode([vec![0], vec![0xff; 255]].concat());
    assert_eq!(changed(&rs256(2048), "n", json!(stretched)), Err(JwkError::Material), "zeros are no length");
    for e in ["Aw", "AQ", "AAEAAQ", ""] {
        assert_eq!(changed(&rs256(2048), "e", json!(e)), Err(JwkError::Material), "{e}");
    }
}

#[test]
fn earlier_of_two_keys_with_one_id_stays() {
    let signing = super::hs256();
    let mut jwk = es256();
    jwk["kid"] = json!(signing.id());
    let id = signing.id().to_owned();
    let keys = KeySet::new(signing).with(VerifyingKey::from_jwk(&jwk.to_string()).ok().unwrap());
    assert_eq!(keys.find(&id).unwrap().algorithm(), Algorithm::Hs256);
}
