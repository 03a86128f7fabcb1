//! Refresh tokens: a secret that names its session and derives its successor.
//!
//! The successor is HMAC-SHA-256, keyed by the parent's secret, over session, generation and a salt that is drawn at
//! the rotation and stored. A caller that presents the parent twice gets the same successor, without a key of the
//! server. A database dump alone yields no token.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretBox};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

use crate::domain::{RefreshDigest, SessionId};

/// Prefix that distinguishes a refresh token from other secrets, for scanners of leaked texts too.
const PREFIX: &str = "gpr_";

/// Refresh token. It has neither `Debug` nor `Display`.
pub struct RefreshToken {
    session: SessionId,
    secret: SecretBox<[u8; 32]>,
}

impl RefreshToken {
    /// Makes the first token of a session from these random bytes.
    pub fn first(session: SessionId, random: [u8; 32]) -> Self {
        Self { session, secret: SecretBox::new(Box::new(random)) }
    }

    /// Parses `gpr_` and the session's id with the secret in base64url; returns `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text.strip_prefix(PREFIX)?).ok()?;
        let (session, secret) = bytes.split_first_chunk::<16>()?;
        Some(Self::first(Uuid::from_bytes(*session).into(), secret.try_into().ok()?))
    }

    /// Returns the token's text for the client.
    pub fn expose(&self) -> String {
        let bytes = [self.session.as_uuid().as_bytes().as_slice(), self.secret.expose_secret()].concat();
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Returns the session that the token names.
    pub fn session(&self) -> SessionId {
        self.session
    }

    /// Returns the token that replaces this one, of this generation and with this salt.
    #[must_use]
    pub fn successor(&self, generation: i32, salt: &[u8]) -> Self {
        // A key shorter than a block is padded with zeros (RFC 2104 §2).
        let mut block = Zeroizing::new([0; 64]);
        block[..32].copy_from_slice(self.secret.expose_secret());
        let hmac = Hmac::<Sha256>::new((&*block).into())
            .chain_update(self.session.as_uuid().as_bytes())
            .chain_update(generation.to_be_bytes())
            .chain_update(salt);
        Self::first(self.session, hmac.finalize().into_bytes().into())
    }

    /// Returns the digest that a row stores.
    pub fn digest(&self) -> RefreshDigest {
        RefreshDigest(Sha256::digest(self.secret.expose_secret()).into())
    }

    /// Returns the index of this token's digest among these.
    pub fn position(&self, digests: &[RefreshDigest]) -> Option<usize> {
        let own = self.digest();
        digests.iter().position(|digest| digest.0.ct_eq(&own.0).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: SessionId = SessionId::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001);

    fn token() -> RefreshToken {
        RefreshToken::first(SESSION, std::array::from_fn(|at| u8::try_from(at).unwrap()))
    }

    #[test]
    fn refresh_token_is_read_as_written() {
        let text = token().expose();
        assert_eq!(text, "gpr_AZAAAAAAcACAAAAAAAAAAQABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f");
        let read = RefreshToken::parse(&text).unwrap();
        assert_eq!((read.session(), read.digest()), (SESSION, token().digest()));
    }

    #[test]
    fn other_texts_are_not_refresh_tokens() {
        let text = token().expose();
        let (longer, shorter) = (format!("{text}A"), &text[..text.len() - 1]);
        let other = text.replace("gpr_", "gpr-");
        for text in
            ["", "gpr_", "gpr_!", &longer, shorter, &text[4..], &other, &format!("{text}="), &format!(" {text}")]
        {
            assert!(RefreshToken::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn successor_depends_on_all_its_inputs() {
        // Computed with Python's hmac and hashlib.
        let next = token().successor(1, &[0xa5; 32]);
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        assert_eq!(text(next.secret.expose_secret()), "QpiqiyGNC33y_I_sF0unYHlotMRSLTezhwvoo_1Z7nk");
        assert_eq!(text(&next.digest().0), "JBwoKes9nOZnXfDcaFWMPxF6w0CKJFl_bhORqG5JXqo");
        let all = [
            token().successor(2, &[0xa5; 32]),
            token().successor(1, &[0xa4; 32]),
            RefreshToken::first(SessionId::NIL, *token().secret.expose_secret()).successor(1, &[0xa5; 32]),
            next.successor(1, &[0xa5; 32]),
        ];
        assert!(all.iter().all(|other| other.digest() != next.digest()));
        assert_eq!(token().successor(1, &[0xa5; 32]).digest(), next.digest(), "same successor again");
    }

    #[test]
    fn token_is_found_among_the_digests() {
        let (first, second) = (token(), token().successor(1, &[1; 32]));
        let digests = [second.digest(), first.digest()];
        assert_eq!((second.position(&digests), first.position(&digests)), (Some(0), Some(1)));
        assert_eq!(second.successor(2, &[2; 32]).position(&digests), None);
    }
}
