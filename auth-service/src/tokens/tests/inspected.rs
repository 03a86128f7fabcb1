//! Inspection without a key: it refuses the tokens that the verifier refuses for any reason but the signature.

use serde_json::{Value, json};
use testkit::start;

use super::{Draw, issue, part, set_of_all, sign, verifier};
use crate::keys::model::Algorithm;
use crate::tokens::{Expectations, Presented};

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
fn other_texts_are_named() {
    let token = issue(&set_of_all(Algorithm::EdDsa), &mut Draw(3));
    let (message, signature) = token.rsplit_once('.').unwrap();
    for text in [message, &format!("{message}."), &format!("{token}="), &format!("{token}.a"), "eyJhbGciOiJub25lIn0"] {
        assert!(matches!(Presented::read(text), Presented::Broken(_)), "{text}");
    }
    assert!(matches!(Presented::read(signature), Presented::Opaque));
    let refresh = format!("gpr_{}", "A".repeat(64));
    assert!(matches!(Presented::read(&refresh), Presented::Refresh));
    let code = format!("gpc_{}", "A".repeat(43));
    assert!(matches!(Presented::read(&code), Presented::ResetCode));
}
