//! Algorithm confusion: no header makes a key verify with another algorithm (C1, C2, C4).

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use testkit::start;

use super::{Draw, issue, key, keys, part, set_of_all, sign, verifier};
use crate::keys::model::{Algorithm, SigningKey};
use crate::tokens::TokenFault;

/// Rounds of the 64 combinations, for each possible signing key.
const ROUNDS: usize = 8;

/// C1, C2, C4: header, key and signature must have one algorithm.
#[test]
fn header_key_and_signature_share_one_algorithm() {
    let mut draw = Draw(2);
    let (mut good, mut bad) = (0, 0);
    for signing in Algorithm::ALL {
        let set = set_of_all(signing);
        let verifier = verifier(&set);
        for _ in 0..ROUNDS {
            let payload = part(&issue(&set, &mut draw), 1);
            for signer in keys() {
                for (named, said) in
                    keys().iter().flat_map(|key| Algorithm::ALL.map(|said| (key.id().to_owned(), said)))
                {
                    let header = json!({"typ": "at+jwt", "alg": said.name(), "kid": named});
                    let token = sign(&signer, &header, &payload);
                    let is_one = named == signer.id() && said == signer.algorithm();
                    assert_eq!(verifier.verify(&token, start()).is_ok(), is_one, "{header} {:?}", signer.algorithm());
                    *(if is_one { &mut good } else { &mut bad }) += 1;
                }
            }
        }
    }
    assert_eq!((good, bad), (4 * ROUNDS * 4, 4 * ROUNDS * 60));
}

/// C1: no other name is an algorithm.
#[test]
fn unknown_algorithm_names_are_refused() {
    let mut draw = Draw(1);
    for signing in Algorithm::ALL {
        let set = set_of_all(signing);
        let payload = part(&issue(&set, &mut draw), 1);
        let name = signing.name();
        let mut names = ["none", "None", "nOnE", "NONE", "", "HS384", "HS512", "RS384", "RS512", "ES384", "ES256K"]
            .map(str::to_owned)
            .to_vec();
        names.extend(["PS256", "PS512", "Ed25519", "Ed448", "ES521"].map(str::to_owned));
        names.extend([name.to_lowercase(), name.to_uppercase(), format!("{name} ")]);
        for said in names.into_iter().filter(|said| said != name) {
            let header = json!({"typ": "at+jwt", "alg": said, "kid": set.signing().unwrap().id()});
            let token = sign(set.signing().unwrap(), &header, &payload);
            assert_eq!(verifier(&set).verify(&token, start()), Err(TokenFault::Invalid), "{header}");
            let unsigned = format!("{}.", token.rsplit_once('.').unwrap().0);
            assert_eq!(verifier(&set).verify(&unsigned, start()), Err(TokenFault::Invalid), "{header}");
        }
    }
}

/// Returns the forms of a public key that libraries read or print, which an attacker can have.
fn forms(jwk: &str) -> Vec<Vec<u8>> {
    let value: Value = serde_json::from_str(jwk).unwrap();
    let text = |name: &str| value[name].as_str().map(str::to_owned);
    let texts = ["x", "y", "n", "e", "kid"].into_iter().filter_map(text);
    let mut forms: Vec<Vec<u8>> = vec![jwk.into(), Vec::new()];
    for text in texts {
        forms.extend(URL_SAFE_NO_PAD.decode(&text).ok());
        forms.push(text.into_bytes());
    }
    let bytes = |name: &str| URL_SAFE_NO_PAD.decode(value[name].as_str().unwrap()).unwrap();
    // SubjectPublicKeyInfo (RFC 5280 §4.1.2.7, RFC 8410 §4, RFC 5480 §2, RFC 3279 §2.3.1) up to the key's bytes.
    let (head, rest): (&[u8], _) = match value["kty"].as_str().unwrap() {
        "OKP" => (b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00", bytes("x")),
        "EC" => (
            b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00",
            [&[4], bytes("x").as_slice(), &bytes("y")].concat(),
        ),
        _ => (
            b"\x30\x82\x01\xa2\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00\x03\x82\x01\x8f\x00",
            [b"\x30\x82\x01\x8a\x02\x82\x01\x81\x00", bytes("n").as_slice(), b"\x02\x03\x01\x00\x01"].concat(),
        ),
    };
    let whole = [head, &rest].concat();
    let lines = STANDARD.encode(&whole).as_bytes().chunks(64).map(|line| [line, b"\n"].concat()).collect::<Vec<_>>();
    let pem = [b"-----BEGIN PUBLIC KEY-----\n".as_slice(), &lines.concat(), b"-----END PUBLIC KEY-----\n"].concat();
    forms.extend([rest, whole, pem.trim_ascii_end().to_vec(), pem]);
    forms
}

/// C2: a public key in any form is not accepted as a secret.
#[test]
fn public_key_is_not_a_secret_in_any_form() {
    let mut tried = 0;
    for signing in Algorithm::ALL.into_iter().filter(|algorithm| *algorithm != Algorithm::Hs256) {
        let set = set_of_all(signing);
        let payload = part(&issue(&set, &mut Draw(2)), 1);
        for secret in forms(&key(signing).public().unwrap().jwk) {
            let liar = SigningKey::from_secret(&secret);
            for (kid, said) in set.public().iter().flat_map(|key| [(&key.id, "HS256"), (&key.id, key.algorithm)]) {
                let header = json!({"typ": "at+jwt", "alg": said, "kid": kid}).to_string();
                let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(&payload));
                let tag = liar.sign(message.as_bytes()).unwrap();
                let forged = format!("{message}.{tag}");
                assert_eq!(verifier(&set).verify(&forged, start()), Err(TokenFault::Invalid), "{said} {kid}");
                tried += 1;
            }
        }
    }
    assert!(tried >= 3 * 8 * 2, "{tried}");
}
