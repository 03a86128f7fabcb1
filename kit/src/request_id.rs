//! Request ids: a caller that has lost an answer asks again, and gets the same one (AIP-155).

use chrono::TimeDelta;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

/// How long a request is remembered.
pub const REQUEST_ID_LIFETIME: TimeDelta = TimeDelta::hours(24);

/// What a request id must be.
pub const RULE: &str = "must be a UUID of your own, or empty";

/// A request that its caller can repeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestKey {
    /// Who asks: a user's id, or nothing for whoever has no token. The same id of two callers is two requests.
    pub caller: String,
    /// What is asked for, by the method's path.
    pub method: &'static str,
    /// The caller's own id.
    pub id: Uuid,
    /// Tells this request from another one under the same id.
    pub fingerprint: Fingerprint,
}

/// The SHA-256 of what a request says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The fingerprint of these fields, in this order.
    pub fn from_fields(fields: &[&str]) -> Self {
        let hash = fields.iter().fold(Sha256::new(), |hash, field| {
            // With its length before it, so that no two lists of fields run into one text.
            hash.chain_update(field.len().to_be_bytes()).chain_update(field)
        });
        Self(hash.finalize().into())
    }

    /// The fingerprint's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Reads a request id; empty is none.
///
/// # Errors
/// [`RULE`], for any other text that is no UUID.
pub fn parse(text: &str) -> Result<Option<Uuid>, &'static str> {
    if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(|_| RULE) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_do_not_run_into_each_other() {
        assert_eq!(Fingerprint::from_fields(&["ab", "c"]), Fingerprint::from_fields(&["ab", "c"]));
        for other in [&["a", "bc"][..], &["abc"], &["ab", "c", ""], &["c", "ab"]] {
            assert_ne!(Fingerprint::from_fields(other), Fingerprint::from_fields(&["ab", "c"]), "{other:?}");
        }
    }

    #[test]
    fn an_id_is_a_uuid_or_nothing() {
        assert_eq!(parse(""), Ok(None));
        assert!(parse("01900000-0000-7000-8000-00000000000a").unwrap().is_some());
        for text in [" ", "1", "01900000-0000-7000-8000-00000000000", "\u{1f980}"] {
            assert_eq!(parse(text), Err(RULE), "{text:?}");
        }
    }
}
