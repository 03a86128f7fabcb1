//! Checks the form of a token before the guard asks the auth service. Clear garbage costs no request.
//!
//! The check can only refuse. A text that is not a JWT may be a service key and always causes a request.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use super::key_names::{KeyLookup, KeyNames};

/// Age at which the view of the auth service has an API key. Younger ones may be unknown there.
const NEW_API_KEY: Duration = Duration::from_secs(62);

/// Maximum length of a key id in bytes.
const MAX_KEY_ID_BYTES: usize = 64;

/// The estimate, before any request, that a token is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plausibility {
    /// The form gives no reason to refuse.
    Plausible,
    /// The token names an unlisted signing key, or an API key whose id is from the last minute. The token is garbage,
    /// or its key is new: the auth service waits for its database before it answers.
    Doubtful,
    /// The form proves that the auth service would refuse the token.
    Impossible,
}

impl Plausibility {
    /// Estimates the plausibility of this token. `names` is `None` while the auth service has not listed its keys. `now` is
    /// the time since 1970.
    pub(crate) fn estimate(token: &str, names: Option<&KeyNames>, now: Duration) -> Self {
        if api_key_age(token, now).is_some_and(|age| age <= NEW_API_KEY) {
            return Self::Doubtful;
        }
        let Some((header, rest)) = token.split_once('.') else { return Self::Plausible };
        let Some(header) = json_object(header) else { return Self::Plausible };
        if !header.contains_key("alg") {
            return Self::Plausible;
        }
        // A header with `alg` marks a JWS (RFC 7515 §4.1.1). A JWS has three parts (§7.1).
        let is_whole = rest.split_once('.').is_some_and(|(payload, signature)| {
            json_object(payload).is_some() && URL_SAFE_NO_PAD.decode(signature).is_ok_and(|bytes| !bytes.is_empty())
        });
        let text = |name| header.get(name).and_then(Value::as_str);
        let (Some(algorithm), true) = (text("alg"), is_whole) else { return Self::Impossible };
        if names.is_none() {
            return Self::Plausible;
        }
        let Some(id) = text("kid").filter(|id| is_key_id(id)) else { return Self::Impossible };
        match KeyNames::find(names, id, algorithm) {
            KeyLookup::Listed | KeyLookup::Unknown => Self::Plausible,
            KeyLookup::Unlisted => Self::Doubtful,
            KeyLookup::Mismatched => Self::Impossible,
        }
    }
}

/// Returns the distance between now and the creation of the API key that this text names: `gp_` and a UUID of version 7
/// in hexadecimal digits, whose first 48 bits are the time in milliseconds (RFC 9562 §5.7).
fn api_key_age(token: &str, now: Duration) -> Option<Duration> {
    let id = token.strip_prefix("gp_")?.split_once('_')?.0;
    let time = id.get(..12).filter(|_| id.len() == 32)?;
    let created = Duration::from_millis(u64::from_str_radix(time, 16).ok()?);
    Some(now.abs_diff(created))
}

/// Decodes a segment that holds a JSON object.
fn json_object(segment: &str) -> Option<Map<String, Value>> {
    let bytes = URL_SAFE_NO_PAD.decode(segment).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// Returns true for a possible key id of an access token.
fn is_key_id(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    (1..=MAX_KEY_ID_BYTES).contains(&text.len()) && text.bytes().all(allowed)
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

    /// Estimates the plausibility of a token without and with a key list.
    fn estimates(token: &str) -> [Plausibility; 2] {
        let now = Duration::from_millis(0x0190_0000_0000);
        [Plausibility::estimate(token, None, now), Plausibility::estimate(token, Some(&names()), now)]
    }

    #[test]
    fn text_that_is_no_jwt_is_plausible() {
        let no_object = jwt("[]", "{}");
        let no_algorithm = jwt(r#"{"kid":"one"}"#, "{}");
        for token in ["a-service-key", "gps_AbC", "a.b", "a.b.c", "....", &no_object, &no_algorithm] {
            assert_eq!(estimates(token), [Plausibility::Plausible; 2], "{token}");
        }
    }

    #[test]
    fn jwt_with_listed_keys_is_checked_by_its_key() {
        for (header, by_names) in [
            (r#"{"typ":"at+jwt","alg":"EdDSA","kid":"one"}"#, Plausibility::Plausible),
            (r#"{"alg":"ES256","kid":"two","x":1}"#, Plausibility::Plausible),
            (r#"{"alg":"EdDSA","kid":"three"}"#, Plausibility::Doubtful),
            (r#"{"alg":"none","kid":"three"}"#, Plausibility::Doubtful),
            (r#"{"alg":"ES256","kid":"one"}"#, Plausibility::Impossible),
            (r#"{"alg":"none","kid":"one"}"#, Plausibility::Impossible),
            (r#"{"alg":"EdDSA"}"#, Plausibility::Impossible),
            (r#"{"alg":"EdDSA","kid":7}"#, Plausibility::Impossible),
            (r#"{"alg":"EdDSA","kid":""}"#, Plausibility::Impossible),
            (r#"{"alg":"EdDSA","kid":"../one"}"#, Plausibility::Impossible),
        ] {
            assert_eq!(estimates(&jwt(header, "{}")), [Plausibility::Plausible, by_names], "{header}");
        }
        let long = format!(r#"{{"alg":"EdDSA","kid":"{}"}}"#, "k".repeat(65));
        assert_eq!(estimates(&jwt(&long, "{}")), [Plausibility::Plausible, Plausibility::Impossible]);
    }

    #[test]
    fn api_key_of_the_last_minute_is_doubtful() {
        let key = |millis: u64| format!("gp_{millis:012x}70008000000000000001_secret");
        let now = 0x0190_0000_0000;
        for (created, expected) in [
            (now, Plausibility::Doubtful),
            (now - 62_000, Plausibility::Doubtful),
            (now + 62_000, Plausibility::Doubtful),
            (now - 62_001, Plausibility::Plausible),
            (now + 62_001, Plausibility::Plausible),
            (0, Plausibility::Plausible),
        ] {
            assert_eq!(estimates(&key(created)), [expected; 2], "{created}");
        }
        for other in
            ["gp_", "gp_0190_x", "gp_+19000000000700080000000000000001_x", "gp_ä190000000007000800000000000000_x"]
        {
            assert_eq!(estimates(other), [Plausibility::Plausible; 2], "{other}");
        }
    }

    #[test]
    fn incomplete_jwt_is_impossible() {
        let header = r#"{"alg":"EdDSA","kid":"one"}"#;
        let whole = jwt(header, "{}");
        let (message, _) = whole.rsplit_once('.').unwrap();
        let unsigned = format!("{message}.");
        let parts = [format!("{message}.c2ln.c2ln"), format!("{whole}="), format!("{message}.ab c"), unsigned];
        for token in parts.iter().map(String::as_str).chain([message, &jwt(header, "[]"), &jwt(header, "")]) {
            assert_eq!(estimates(token), [Plausibility::Impossible; 2], "{token}");
        }
        assert_eq!(estimates(&jwt(r#"{"alg":["EdDSA"],"kid":"one"}"#, "{}")), [Plausibility::Impossible; 2]);
    }
}
