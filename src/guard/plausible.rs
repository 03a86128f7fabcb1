//! Judges a token by its form, so that garbage costs no question wherever the answer is certain.
//!
//! Only refusals are decided here. A text that is no JWT may be a service key, and is always asked about.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::key_names::{KeyNames, Named};

/// The longest key id, in bytes.
const MAX_KEY_ID: usize = 64;

/// A token's chance to be good, before the auth service has been asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chance {
    /// Nothing speaks against the token.
    Fair,
    /// The token names a key that is not listed: it is garbage, or its key was made a moment ago.
    Slim,
    /// The auth service would call the token invalid, whatever it knows.
    None,
}

impl Chance {
    /// Judges this text by these key names; `None` while the auth service has not named its keys.
    pub(super) fn of(token: &str, names: Option<&KeyNames>) -> Self {
        let Some((header, rest)) = token.split_once('.') else { return Self::Fair };
        let Some(header) = json_object(header) else { return Self::Fair };
        if !header.contains_key("alg") {
            return Self::Fair;
        }
        // A JWS says of itself that it is one (RFC 7515 §4.1.1), and has three parts (§7.1).
        let is_whole = rest.split_once('.').is_some_and(|(payload, signature)| {
            json_object(payload).is_some() && URL_SAFE_NO_PAD.decode(signature).is_ok_and(|bytes| !bytes.is_empty())
        });
        let text = |name| header.get(name).and_then(Value::as_str);
        let (Some(algorithm), true) = (text("alg"), is_whole) else { return Self::None };
        if names.is_none() {
            return Self::Fair;
        }
        let Some(id) = text("kid").filter(|id| is_key_id(id)) else { return Self::None };
        match KeyNames::find(names, id, algorithm) {
            Named::Listed | Named::Unknown => Self::Fair,
            Named::Unlisted => Self::Slim,
            Named::Mismatched => Self::None,
        }
    }
}

/// Reads a segment that holds a JSON object.
fn json_object(segment: &str) -> Option<Map<String, Value>> {
    let bytes = URL_SAFE_NO_PAD.decode(segment).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// Tells whether this can be the id of a key that signs access tokens.
fn is_key_id(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    (1..=MAX_KEY_ID).contains(&text.len()) && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::auth::v1::KeyName;

    fn names() -> KeyNames {
        let keys = [("one", "EdDSA"), ("two", "ES256")];
        let keys = keys.map(|(id, algorithm)| KeyName { id: id.into(), algorithm: algorithm.into() });
        KeyNames::read(keys.into()).unwrap()
    }

    fn jwt(header: &str, payload: &str) -> String {
        format!("{}.{}.c2lnbmF0dXJl", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload))
    }

    /// The chance of a token with this header, without and with names.
    fn chances(token: &str) -> [Chance; 2] {
        [Chance::of(token, None), Chance::of(token, Some(&names()))]
    }

    #[test]
    fn a_text_that_is_no_jwt_has_a_chance() {
        let no_object = jwt("[]", "{}");
        let no_algorithm = jwt(r#"{"kid":"one"}"#, "{}");
        for token in ["a-service-key", "gps_AbC", "a.b", "a.b.c", "....", &no_object, &no_algorithm] {
            assert_eq!(chances(token), [Chance::Fair; 2], "{token}");
        }
    }

    #[test]
    fn a_jwt_is_judged_by_its_key_once_keys_are_named() {
        for (header, by_names) in [
            (r#"{"typ":"at+jwt","alg":"EdDSA","kid":"one"}"#, Chance::Fair),
            (r#"{"alg":"ES256","kid":"two","x":1}"#, Chance::Fair),
            (r#"{"alg":"EdDSA","kid":"three"}"#, Chance::Slim),
            (r#"{"alg":"none","kid":"three"}"#, Chance::Slim),
            (r#"{"alg":"ES256","kid":"one"}"#, Chance::None),
            (r#"{"alg":"none","kid":"one"}"#, Chance::None),
            (r#"{"alg":"EdDSA"}"#, Chance::None),
            (r#"{"alg":"EdDSA","kid":7}"#, Chance::None),
            (r#"{"alg":"EdDSA","kid":""}"#, Chance::None),
            (r#"{"alg":"EdDSA","kid":"../one"}"#, Chance::None),
        ] {
            assert_eq!(chances(&jwt(header, "{}")), [Chance::Fair, by_names], "{header}");
        }
        let long = format!(r#"{{"alg":"EdDSA","kid":"{}"}}"#, "k".repeat(65));
        assert_eq!(chances(&jwt(&long, "{}")), [Chance::Fair, Chance::None]);
    }

    #[test]
    fn a_jwt_that_is_not_whole_is_certainly_invalid() {
        let header = r#"{"alg":"EdDSA","kid":"one"}"#;
        let whole = jwt(header, "{}");
        let (message, _) = whole.rsplit_once('.').unwrap();
        let unsigned = format!("{message}.");
        let parts = [format!("{message}.c2ln.c2ln"), format!("{whole}="), format!("{message}.ab c"), unsigned];
        for token in parts.iter().map(String::as_str).chain([message, &jwt(header, "[]"), &jwt(header, "")]) {
            assert_eq!(chances(token), [Chance::None; 2], "{token}");
        }
        assert_eq!(chances(&jwt(r#"{"alg":["EdDSA"],"kid":"one"}"#, "{}")), [Chance::None; 2]);
    }
}
