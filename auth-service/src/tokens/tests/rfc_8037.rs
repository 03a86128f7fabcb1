//! The example of RFC 8037 appendix A: one key, one text, one signature.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use crate::keys::model::{Key, KeySet, VerifyingKey};
use crate::tokens::jws;

/// Appendix A.1, as PKCS#8 version 1.
const KEY: &str = "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v_VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g";

/// Appendix A.4: the header `{"alg":"EdDSA"}` and the payload.
const MESSAGE: &str = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
const PAYLOAD: &[u8] = b"Example of Ed25519 signing";
const SIGNATURE: &str = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

fn key() -> Key {
    Key::from_pkcs8(&URL_SAFE_NO_PAD.decode(KEY).unwrap()).unwrap()
}

#[test]
fn signing_makes_the_rfc_signature() {
    let key = key();
    assert_eq!(key.sign(MESSAGE.as_bytes()).unwrap(), SIGNATURE);
    let (header, payload) = MESSAGE.split_once('.').unwrap();
    assert_eq!(URL_SAFE_NO_PAD.decode(header).unwrap(), br#"{"alg":"EdDSA"}"#);
    assert_eq!(URL_SAFE_NO_PAD.decode(payload).unwrap(), PAYLOAD);
}

#[test]
fn verifying_opens_the_rfc_payload() {
    let jws = format!("{MESSAGE}.{SIGNATURE}");
    assert_eq!(jws::open(&jws, &KeySet::new(key())).unwrap().payload, PAYLOAD);
    // The public half alone, as appendix A.2 writes it, with the names that make it a key for us.
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        "alg": "EdDSA", "kid": "rfc8037"});
    let listed = VerifyingKey::from_jwk(&jwk.to_string()).ok().unwrap();
    assert!(listed.verifies(MESSAGE.as_bytes(), SIGNATURE));
    // The example names no key: among several it opens nothing, though one of them would fit.
    assert!(jws::open(&jws, &KeySet::new(key()).with(listed)).is_none());
}
