//! Discovery: serves the public keys and their address, so that libraries can verify tokens without a call
//! (docs/decisions/0014).

use std::sync::Arc;

use kit::Clock;
use kit::ops::{Endpoint, EndpointRequest, EndpointResponse};
use serde_json::{Value, json};

use crate::keys::model::{CurrentKeys, PublicKey};

const KEYS_PATH: &str = "/.well-known/jwks.json";
const CONFIGURATION_PATH: &str = "/.well-known/openid-configuration";

/// Seconds for which a cache may keep the keys. A new key is listed at least ten seconds before it signs, so five
/// seconds are left for the transport.
const CACHE_SECONDS: u32 = 5;

/// Returns the pages, for a port of this scheme. Each request reads the current `keys`.
pub(crate) fn pages(keys: &Arc<CurrentKeys>, issuer: &str, scheme: &'static str, clock: &Clock) -> Vec<Endpoint> {
    let (listed, described, issuer) = (Arc::clone(keys), Arc::clone(keys), issuer.to_owned());
    let (now, then) = (clock.clone(), clock.clone());
    vec![
        Endpoint::new(KEYS_PATH, move |_| key_set(listed.at(now.now()).public())),
        Endpoint::new(CONFIGURATION_PATH, move |ask: &EndpointRequest<'_>| {
            let host = ask.host().map(|host| format!("{scheme}://{host}"));
            configuration(described.at(then.now()).public(), &issuer, host.as_deref())
        }),
    ]
}

/// Returns the key set (RFC 7517, section 5). It never contains a secret.
fn key_set(keys: &[PublicKey]) -> EndpointResponse {
    // Each JWK is JSON text already.
    let keys: Vec<_> = keys.iter().map(|key| key.jwk.as_str()).collect();
    EndpointResponse::json(format!(r#"{{"keys":[{}]}}"#, keys.join(","))).kept_for(CACHE_SECONDS)
}

/// Returns the issuer's metadata (OpenID Connect Discovery 1.0, section 3; RFC 8414, section 2), without endpoints that do
/// not exist.
fn configuration(keys: &[PublicKey], issuer: &str, place: Option<&str>) -> EndpointResponse {
    let mut algorithms: Vec<_> = keys.iter().map(|key| key.algorithm).collect();
    algorithms.sort_unstable();
    algorithms.dedup();
    let mut members = json!({
        "issuer": issuer,
        "response_types_supported": [],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": algorithms,
    });
    if let Some(base) = url(issuer) {
        members["jwks_uri"] = Value::from(format!("{base}{KEYS_PATH}"));
        return EndpointResponse::json(members.to_string()).kept_for(CACHE_SECONDS);
    }
    if let Some(place) = place {
        members["jwks_uri"] = Value::from(format!("{place}{KEYS_PATH}"));
    }
    // The answer contains this client's host header, so it must not be cached for other clients.
    EndpointResponse::json(members.to_string())
}

/// Returns the issuer without its last slash, if paths can be appended to it.
fn url(issuer: &str) -> Option<&str> {
    let rest = issuer.strip_prefix("https://").or_else(|| issuer.strip_prefix("http://"))?;
    let is_plain = !rest.is_empty() && !rest.starts_with('/') && !rest.contains(['?', '#']);
    is_plain.then(|| issuer.strip_suffix('/').unwrap_or(issuer))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: &str, algorithm: &'static str) -> PublicKey {
        PublicKey { id: id.into(), algorithm, jwk: format!(r#"{{"kid":"{id}"}}"#) }
    }

    fn read(answer: &EndpointResponse) -> Value {
        serde_json::from_str(answer.text()).unwrap()
    }

    #[test]
    fn key_set_lists_each_key_and_may_be_empty() {
        assert_eq!(key_set(&[]).text(), r#"{"keys":[]}"#);
        let set = read(&key_set(&[key("a", "EdDSA"), key("b", "ES256")]));
        assert_eq!(set, json!({"keys": [{"kid": "a"}, {"kid": "b"}]}));
    }

    #[test]
    fn jwks_uri_follows_issuer_url() {
        for (issuer, uri) in [
            ("https://auth.example", "https://auth.example/.well-known/jwks.json"),
            ("https://auth.example/a/", "https://auth.example/a/.well-known/jwks.json"),
            ("http://127.0.0.1:9101", "http://127.0.0.1:9101/.well-known/jwks.json"),
        ] {
            let said = read(&configuration(&[key("a", "EdDSA")], issuer, Some("http://evil.example")));
            assert_eq!((&said["issuer"], &said["jwks_uri"]), (&json!(issuer), &json!(uri)), "{issuer}");
        }
    }

    #[test]
    fn jwks_uri_follows_host_if_issuer_is_a_name() {
        for issuer in
            ["gatepost", "https://", "http:///path", "https://auth.example?tenant=1", "https://a#b", "ftp://a"]
        {
            for place in ["http://auth:9101", "https://auth:9101"] {
                let said = read(&configuration(&[], issuer, Some(place)));
                assert_eq!(said["jwks_uri"], json!(format!("{place}/.well-known/jwks.json")), "{issuer}");
            }
            assert_eq!(read(&configuration(&[], issuer, None)).get("jwks_uri"), None, "HTTP/1.0 may name no host");
        }
    }

    #[test]
    fn metadata_lists_algorithms_of_keys() {
        let keys = [key("a", "RS256"), key("b", "ES256"), key("c", "RS256")];
        let said = read(&configuration(&keys, "gatepost", None));
        assert_eq!(said["id_token_signing_alg_values_supported"], json!(["ES256", "RS256"]));
        assert_eq!(said["response_types_supported"], json!([]), "there is no authorization endpoint");
    }
}
