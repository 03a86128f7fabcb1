//! Page tokens: the start of the next page, sealed by the service (AIP-158).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use uuid::Uuid;

/// Lifetime of a page token.
const TOKEN_LIFETIME: TimeDelta = TimeDelta::hours(24);

/// Bytes of the tag.
const TAG_BYTES: usize = 32;

/// Bytes before the tag in a token whose key is an id: the expiry time and the id.
const ID_BODY_BYTES: usize = 8 + 16;

/// Key of a row, by which a list is ordered.
pub trait PageKey: Clone {
    /// Returns the key as bytes, for a page token.
    fn to_bytes(&self) -> Vec<u8>;

    /// Reads the bytes of a key. Returns `None` for other bytes.
    fn from_bytes(bytes: &[u8]) -> Option<Self>;
}

impl<Id: Copy + From<Uuid> + Into<Uuid>> PageKey for Id {
    fn to_bytes(&self) -> Vec<u8> {
        let id: Uuid = (*self).into();
        id.as_bytes().to_vec()
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        Uuid::from_slice(bytes).ok().map(Self::from)
    }
}

/// Key that seals and opens page tokens.
///
/// A token holds its expiry time, the key of the last row of its page, and a tag (HMAC-SHA-256) over both and the scope.
/// The scope is the RPC and all that must be the same in the next request. It is not in the token.
#[derive(Clone)]
pub struct PageTokens {
    keyed: Hmac<Sha256>,
}

impl PageTokens {
    /// Uses this key, which is as long as the hash's block. The service keeps it in its database, so that all replicas
    /// share it.
    pub fn new(key: &[u8; 64]) -> Self {
        Self { keyed: Hmac::new(key.into()) }
    }

    /// Returns a token that continues after the row `last`. The token is valid for 24 hours, and only for `scope`.
    pub fn seal(&self, scope: &str, last: &impl PageKey, now: DateTime<Utc>) -> String {
        let mut token = Vec::new();
        token.extend_from_slice(&(now + TOKEN_LIFETIME).timestamp().to_be_bytes());
        token.extend_from_slice(&last.to_bytes());
        let tag = self.tag(scope, &token).finalize().into_bytes();
        token.extend_from_slice(&tag);
        URL_SAFE_NO_PAD.encode(token)
    }

    /// Returns the key of the row before the page. Returns `None` for a token that is forged, altered, too old, or of
    /// another scope.
    pub fn open<K: PageKey>(&self, scope: &str, token: &str, now: DateTime<Utc>) -> Option<K> {
        let token = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (body, tag) = token.split_at_checked(token.len().checked_sub(TAG_BYTES)?)?;
        self.tag(scope, body).verify_slice(tag).ok()?;
        let (expiry, last) = body.split_first_chunk::<8>()?;
        let expires = DateTime::from_timestamp(i64::from_be_bytes(*expiry), 0)?;
        if now >= expires {
            return None;
        }
        K::from_bytes(last)
    }

    fn tag(&self, scope: &str, body: &[u8]) -> Hmac<Sha256> {
        let mut mac = self.keyed.clone();
        if body.len() != ID_BODY_BYTES {
            // The length separates the key from the scope. No expiry time begins like this, so the tags of ids, which have
            // no length, are never the same.
            mac.update(&[0xff; 8]);
            mac.update(&u64::try_from(body.len()).unwrap_or(u64::MAX).to_be_bytes());
        }
        mac.update(body);
        mac.update(scope.as_bytes());
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCOPE: &str = "ListPosts";

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000, 0).unwrap()
    }

    #[test]
    fn token_opens_to_its_row() {
        let tokens = PageTokens::new(&[7; 64]);
        let last = Uuid::from_u128(42);
        let token = tokens.seal(SCOPE, &last, now());
        assert_eq!(tokens.open::<Uuid>(SCOPE, &token, now()), Some(last));
    }

    /// A key of another length than an id's.
    #[derive(Clone, Debug, PartialEq)]
    struct TextKey(&'static str);

    impl PageKey for TextKey {
        fn to_bytes(&self) -> Vec<u8> {
            self.0.into()
        }

        fn from_bytes(bytes: &[u8]) -> Option<Self> {
            ["", "key", "keyL", "ke", "key of 16 bytes."].into_iter().find(|key| key.as_bytes() == bytes).map(Self)
        }
    }

    /// C60: a byte cannot move between the key and the scope.
    #[test]
    fn token_of_a_text_is_bound_to_its_scope() {
        let tokens = PageTokens::new(&[7; 64]);
        for key in ["", "key", "key of 16 bytes."] {
            let token = tokens.seal(SCOPE, &TextKey(key), now());
            assert_eq!(tokens.open(SCOPE, &token, now()), Some(TextKey(key)));
        }
        let token = URL_SAFE_NO_PAD.decode(tokens.seal("List", &TextKey("key"), now())).unwrap();
        for (cut, scope, moved) in [(11, "ist", &b"L"[..]), (10, "yList", b"")] {
            let altered = [&token[..cut], moved, &token[11..]].concat();
            assert_eq!(tokens.open::<TextKey>(scope, &URL_SAFE_NO_PAD.encode(altered), now()), None, "{scope}");
        }
    }

    /// C60: altered tokens are refused.
    #[test]
    fn token_with_any_flipped_bit_is_refused() {
        let tokens = PageTokens::new(&[7; 64]);
        let token = URL_SAFE_NO_PAD.decode(tokens.seal(SCOPE, &Uuid::from_u128(42), now())).unwrap();
        for bit in 0..token.len() * 8 {
            let mut altered = token.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(tokens.open::<Uuid>(SCOPE, &URL_SAFE_NO_PAD.encode(altered), now()), None, "bit {bit}");
        }
    }

    /// C60: foreign and old tokens are refused.
    #[test]
    fn foreign_expired_and_garbled_tokens_are_refused() {
        let tokens = PageTokens::new(&[7; 64]);
        let token = tokens.seal(SCOPE, &Uuid::from_u128(42), now());
        assert_eq!(tokens.open::<Uuid>("ListUsers", &token, now()), None);
        assert_eq!(PageTokens::new(&[8; 64]).open::<Uuid>(SCOPE, &token, now()), None);
        assert!(tokens.open::<Uuid>(SCOPE, &token, now() + TOKEN_LIFETIME - TimeDelta::seconds(1)).is_some());
        assert_eq!(tokens.open::<Uuid>(SCOPE, &token, now() + TOKEN_LIFETIME), None);
        for garbled in ["", "a", "not a token", &token[1..], &token[..20], &format!("{token}A"), &format!("{token}=")] {
            assert_eq!(tokens.open::<Uuid>(SCOPE, garbled, now()), None, "{garbled:?}");
        }
    }
}
