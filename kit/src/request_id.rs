//! Request ids: a caller that has lost an answer repeats the request and gets the same answer (AIP-155).

use chrono::TimeDelta;
use sha2::{Digest as _, Sha256};

/// Time for which a request is remembered.
pub const REQUEST_ID_LIFETIME: TimeDelta = TimeDelta::hours(24);

/// Rule for request ids, as an error text.
pub const RULE: &str = "must be a UUID of your own, or empty";

crate::id_type! {
    /// Id of a request, as its caller chose it.
    pub struct RequestId;
}

/// Identity of a request that its caller can repeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestKey {
    /// User id of the caller; empty for a caller without a token. The same id from two callers names two requests.
    pub caller: String,
    /// Path of the method.
    pub method: &'static str,
    /// Id that the caller chose.
    pub id: RequestId,
    /// Fingerprint of the request's fields. Another request with the same id has another fingerprint.
    pub fingerprint: Fingerprint,
}

/// SHA-256 over the fields of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Computes the fingerprint of these fields, in this order.
    pub fn from_fields(fields: &[&str]) -> Self {
        let hash = fields.iter().fold(Sha256::new(), |hash, field| {
            // The length goes first, so that two lists of fields never give the same bytes.
            hash.chain_update(field.len().to_be_bytes()).chain_update(field)
        });
        Self(hash.finalize().into())
    }

    /// Returns the fingerprint's bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Parses a request id; `None` for an empty text.
///
/// # Errors
/// [`RULE`] for any other text that is no UUID.
pub fn parse(text: &str) -> Result<Option<RequestId>, &'static str> {
    if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(|_| RULE) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprint_keeps_fields_apart() {
        assert_eq!(Fingerprint::from_fields(&["ab", "c"]), Fingerprint::from_fields(&["ab", "c"]));
        for other in [&["a", "bc"][..], &["abc"], &["ab", "c", ""], &["c", "ab"]] {
            assert_ne!(Fingerprint::from_fields(other), Fingerprint::from_fields(&["ab", "c"]), "{other:?}");
        }
    }

    #[test]
    fn request_id_is_a_uuid_or_empty() {
        assert_eq!(parse(""), Ok(None));
        assert!(parse("01900000-0000-7000-8000-00000000000a").unwrap().is_some());
        for text in [" ", "1", "01900000-0000-7000-8000-00000000000", "\u{1f980}"] {
            assert_eq!(parse(text), Err(RULE), "{text:?}");
        }
    }
}
