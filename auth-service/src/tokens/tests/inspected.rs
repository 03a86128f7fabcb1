//! Inspection without a key: it refuses the tokens that the verifier refuses for any reason but the signature.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use testkit::start;

use super::{Draw, issue, part, set_of_all, sign, verifier};
use crate::domain::ApiKeyId;
use crate::keys::model::Algorithm;
use crate::tokens::{ApiKeySecretText, Expectations, Presented};

/// Returns the names of the rules that a token breaks.
fn broken(token: &str) -> Vec<&'static str> {
    let expected = Expectations { issuer: Some("gatepost".into()), audience: Some("gatepost".into()) };
    let Presented::Jwt(jwt) = Presented::read(token) else { return vec!["form"] };
    let checks = jwt.check(&expected, start());
    checks
        .into_iter()
        .filter(|check| check.result.as_ref().is_some_and(Result::is_err))
        .map(|check| check.name)
        .collect()
}

/// Replaces a member of a JSON object, or removes it.
fn changed(object: &str, name: &str, value: &Value) -> Value {
    let mut object: Value = serde_json::from_str(object).unwrap();
    match value {
        Value::Null => object.as_object_mut().unwrap().remove(name),
        value => object.as_object_mut().unwrap().insert(name.to_owned(), value.clone()),
    };
    object
}

#[test]
fn good_token_of_each_algorithm_breaks_no_rule() {
    for algorithm in Algorithm::ALL {
        let token = issue(&set_of_all(algorithm), &mut Draw(1));
        assert_eq!(broken(&token), [""; 0], "{algorithm:?}");
    }
}

#[test]
fn rules_agree_with_the_verifier() {
    let set = set_of_all(Algorithm::EdDsa);
    let (token, now) = (issue(&set, &mut Draw(2)), start().timestamp());
    let (header, claims) = (part(&token, 0), part(&token, 1));
    for (name, value, rule) in [
        ("typ", json!("JWT"), "type"),
        ("typ", Value::Null, "type"),
        ("kid", Value::Null, "key id"),
        ("kid", json!("../key"), "key id"),
        ("kid", json!(""), "key id"),
        ("alg", json!("none"), "algorithm"),
        ("alg", json!("HS256"), "algorithm"),
        ("crit", json!(["exp"]), "header"),
    ] {
        let token = sign(set.signing().unwrap(), &changed(&header, name, &value), &claims);
        assert!(verifier(&set).verify(&token, start()).is_err(), "{name} {value}");
        assert_eq!(broken(&token), [rule], "{name} {value}");
    }
    let header: Value = serde_json::from_str(&header).unwrap();
    for (name, value, rules) in [
        ("iss", json!("elsewhere"), &["issuer"][..]),
        ("aud", json!("elsewhere"), &["audience"]),
        ("aud", json!(["gatepost"]), &["audience"]),
        ("sub", Value::Null, &["claims"]),
        ("email", json!("ada@example.com"), &["claims"]),
        ("exp", json!(now + 86_401), &["lifetime"]),
        ("exp", json!(now), &["expiry"]),
        ("iat", json!(now + 6), &["start"]),
        ("nbf", json!(now + 6), &["start"]),
        ("iat", json!(-1), &["lifetime"]),
    ] {
        let token = sign(set.signing().unwrap(), &header, &changed(&claims, name, &value).to_string());
        assert!(verifier(&set).verify(&token, start()).is_err(), "{name} {value}");
        assert_eq!(broken(&token), rules, "{name} {value}");
    }
    let twice = claims.replacen('{', &format!("{{\"exp\":{},", now + 60), 1);
    let token = sign(set.signing().unwrap(), &header, &twice);
    assert!(verifier(&set).verify(&token, start()).is_err());
    assert_eq!(broken(&token), ["claims"]);
}

#[test]
fn changed_signature_breaks_the_rule_of_its_algorithm() {
    let token = issue(&set_of_all(Algorithm::Es256), &mut Draw(4));
    let (message, signature) = token.rsplit_once('.').unwrap();
    let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
    bytes[32..].fill(0xff);
    assert_eq!(broken(&format!("{message}.{}", URL_SAFE_NO_PAD.encode(&bytes))), ["algorithm"], "a greater s");
}

#[test]
fn times_and_contents_are_shown() {
    let set = set_of_all(Algorithm::EdDsa);
    let token = issue(&set, &mut Draw(5));
    let (header, claims) = (part(&token, 0), part(&token, 1));
    let read = |token: &str| match Presented::read(token) {
        Presented::Jwt(jwt) => jwt,
        other => panic!("{other:?}"),
    };
    let jwt = read(&token);
    assert_eq!(json!(jwt.header()), serde_json::from_str::<Value>(&header).unwrap());
    assert_eq!(json!(jwt.claims()), serde_json::from_str::<Value>(&claims).unwrap());
    let checks = jwt.check(&Expectations::default(), start());
    let lifetime = checks.into_iter().find(|check| check.name == "lifetime").and_then(|check| check.result);
    assert_eq!(lifetime, Some(Ok("1800 s".to_owned())));
    let first = changed(&changed(&claims, "iat", &json!(0)).to_string(), "nbf", &json!(0)).to_string();
    let first = changed(&first, "exp", &json!(60)).to_string();
    let token = sign(set.signing().unwrap(), &serde_json::from_str(&header).unwrap(), &first);
    assert_eq!(broken(&token), ["expiry"], "1970 is a time like another");
}

#[test]
fn other_texts_are_named() {
    let token = issue(&set_of_all(Algorithm::EdDsa), &mut Draw(3));
    let (message, signature) = token.rsplit_once('.').unwrap();
    let broken = |text: &str| match Presented::read(text) {
        Presented::Broken(fault) => fault,
        other => panic!("{text} is {other:?}"),
    };
    for (text, fault) in [
        (message, "it must have three parts, separated by dots"),
        (&format!("{token}.a"), "it must have three parts, separated by dots"),
        (&format!("{message}."), "it has no signature"),
        (&format!("{token}="), "its third part, the signature, is not base64url without padding"),
        (&token.replacen('.', ".!", 1), "its second part is not a JSON object in base64url"),
        ("eyJhbGciOiJub25lIn0", "its first part is not a JSON object in base64url, or it has no other part"),
        ("eyJhbGci.e30.YQ", "its first part is not a JSON object in base64url, or it has no other part"),
    ] {
        assert_eq!(broken(text), fault, "{text}");
    }
    assert!(matches!(Presented::read(signature), Presented::Opaque));
    let refresh = format!("gpr_{}", "A".repeat(64));
    assert!(matches!(Presented::read(&refresh), Presented::Refresh));
    let code = format!("gpc_{}", "A".repeat(43));
    assert!(matches!(Presented::read(&code), Presented::ResetCode));
    let key = ApiKeySecretText::new(ApiKeyId::from_u128(1), [7; 32]).expose();
    assert!(matches!(Presented::read(&key), Presented::ApiKey));
    assert!(matches!(Presented::read(&key[1..]), Presented::Opaque));
    assert!(matches!(Presented::read(&key[..key.len() - 1]), Presented::BrokenApiKey));
}
