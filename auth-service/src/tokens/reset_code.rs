//! Codes with which users set a new password.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret as _, SecretBox};
use sha2::{Digest as _, Sha256};

use crate::domain::ResetDigest;

/// Prefix that distinguishes a code from other secrets, for scanners of leaked texts too.
const PREFIX: &str = "gpc_";

/// One-time code of 256 bits. It has neither `Debug` nor `Display`.
pub struct ResetCode(SecretBox<[u8; 32]>);

impl ResetCode {
    /// Makes a code from these random bytes.
    pub fn new(random: [u8; 32]) -> Self {
        Self(SecretBox::new(Box::new(random)))
    }

    /// Parses `gpc_` and 43 characters of base64url; returns `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text.strip_prefix(PREFIX)?).ok()?;
        Some(Self::new(bytes.try_into().ok()?))
    }

    /// Returns the code's text for the admin.
    pub fn expose(&self) -> String {
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(self.0.expose_secret()))
    }

    /// Returns the digest that a row stores.
    pub fn digest(&self) -> ResetDigest {
        ResetDigest(Sha256::digest(self.0.expose_secret()).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_parsed_from_its_text() {
        let code = ResetCode::new([7; 32]);
        let text = code.expose();
        assert_eq!((text.len(), &text[..4]), (47, "gpc_"));
        assert_eq!(ResetCode::parse(&text).unwrap().digest(), code.digest());
        assert_ne!(ResetCode::new([8; 32]).digest(), code.digest());
        let padded = format!("{text}=");
        for bad in ["", "gpc_", "gpc_AAAA", &text[4..], &text[..46], &padded, &text.replace("gpc", "GPC")] {
            assert!(ResetCode::parse(bad).is_none(), "{bad}");
        }
    }
}
