//! Service keys: secrets that services present in place of a token.

use std::collections::HashSet;

use gatepost::{Token, TokenDigest};
use kit::config::{ConfigError, Environment, is_published, parse_service_key};
use secrecy::ExposeSecret as _;

use crate::domain::Role;
use crate::keys::model::check_secret;

/// Variable of the keys.
const SETTING: &str = "AUTH_SERVICE_KEY";

/// Largest number of keys. Each token is compared with all of them.
const MAX_KEYS: usize = 64;

/// Key of a service.
#[derive(Clone, Debug)]
pub struct ServiceKey {
    /// Name of the service. Keys may share a name while one replaces the other.
    pub name: String,
    /// The secret.
    pub key: Token,
}

impl ServiceKey {
    /// Creates a key of the service without a name of its own.
    pub fn unnamed(key: Token) -> Self {
        Self { name: Role::SERVICE.to_owned(), key }
    }

    /// Reads all keys: `KEY` or `NAME:KEY`, separated by commas.
    pub(super) fn read_all(environment: Environment) -> Result<Vec<Self>, ConfigError> {
        environment.secret(SETTING)?.map_or(Ok(Vec::new()), |secret| Self::parse_all(secret.expose_secret()))
    }

    fn parse_all(text: &str) -> Result<Vec<Self>, ConfigError> {
        let keys: Vec<Self> = text.split(',').map(Self::parse).collect::<Result<_, _>>()?;
        let digests: HashSet<TokenDigest> = keys.iter().map(|key| key.key.digest()).collect();
        if digests.len() < keys.len() {
            return Err(ConfigError::setting(SETTING, "must hold each key once"));
        }
        if keys.len() > MAX_KEYS {
            return Err(ConfigError::setting(SETTING, "must hold at most 64 keys"));
        }
        Ok(keys)
    }

    fn parse(text: &str) -> Result<Self, ConfigError> {
        let (name, text) = match text.split_once(':').filter(|(name, _)| is_name(name)) {
            Some((name, key)) => (name, key),
            None => (Role::SERVICE, text),
        };
        let key = parse_service_key(SETTING, text)?;
        check_secret(text).map_err(|weak| ConfigError::setting(SETTING, weak.to_string()))?;
        // A guard would treat such a key as a JWT and refuse it.
        if text.starts_with("eyJ") {
            return Err(ConfigError::setting(SETTING, "must not be a JWT: use random characters"));
        }
        Ok(Self { name: name.to_owned(), key })
    }

    /// Returns true if the key is known to everyone.
    pub(super) fn is_published(&self) -> bool {
        is_published(self.key.expose())
    }
}

/// Returns true for a word such as `blog` or `order-service`, of at most 32 characters.
fn is_name(text: &str) -> bool {
    (1..=32).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "b3f1c8d2-7a64-4f0e-9d1b-2c5e8a7f6d3c";
    const NEW: &str = "thicket-marimba-oblong-quince-42-umbel";

    fn read(text: &str) -> Vec<(String, String)> {
        let keys = ServiceKey::parse_all(text).unwrap();
        keys.into_iter().map(|key| (key.name, key.key.expose().to_owned())).collect()
    }

    #[test]
    fn each_service_may_have_keys_of_its_own() {
        let pair = |name: &str, key: &str| (name.to_owned(), key.to_owned());
        assert_eq!(read(OLD), [pair("service", OLD)]);
        assert_eq!(read(&format!("blog:{OLD},blog:{NEW}")), [pair("blog", OLD), pair("blog", NEW)]);
        let key = format!("Shop:{OLD}");
        assert_eq!(read(&key), [pair("service", &key)], "no name");
    }

    #[test]
    fn bad_key_of_several_is_refused_without_its_text() {
        let many: Vec<_> = (100..165).map(|number| format!("{NEW}{number}")).collect();
        for (text, problem) in [
            (format!("blog:{OLD},short"), "32 bytes"),
            (format!("{OLD},"), "32 bytes"),
            (format!("a:{OLD},b:{OLD}"), "each key once"),
            (format!("blog:eyJ{OLD}"), "must not be a JWT"),
            (format!("blog:{}", "z".repeat(40)), "is a pattern"),
            (many.join(","), "at most 64 keys"),
        ] {
            let error = ServiceKey::parse_all(&text).unwrap_err().to_string();
            assert!(error.contains("AUTH_SERVICE_KEY") && error.contains(problem), "{error}");
            assert!(![OLD, NEW, "short", "zzz"].iter().any(|key| error.contains(key)), "{error}");
        }
    }
}
