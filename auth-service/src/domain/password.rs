//! Passwords: used exactly as received, never shown.

use secrecy::{ExposeSecret as _, SecretString};

/// The longest password, in code points and in bytes: longer ones are refused, never cut.
pub(super) const MAX_CODE_POINTS: usize = 128;
pub(super) const MAX_BYTES: usize = 512;

/// What somebody says their password is. It may be anything, so that a login answers every wrong one alike.
#[derive(Clone)]
pub struct Password(SecretString);

/// A password that a user may have from now on: only a policy makes one.
pub struct NewPassword(Password);

impl Password {
    /// Takes the text as it is.
    pub fn new(text: String) -> Self {
        Self(text.into())
    }

    /// The bytes to hash, or `None` when no stored password is that long, so that none can match.
    pub fn bytes(&self) -> Option<&[u8]> {
        Some(self.0.expose_secret().as_bytes()).filter(|bytes| bytes.len() <= MAX_BYTES)
    }

    pub(super) fn text(&self) -> &str {
        self.0.expose_secret()
    }
}

impl NewPassword {
    /// What has kept a policy.
    pub(super) fn kept(password: Password) -> Self {
        Self(password)
    }

    /// The password itself.
    pub fn into_password(self) -> Password {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlong_passwords_match_no_stored_one() {
        assert!(Password::new("a".repeat(512)).bytes().is_some());
        assert!(Password::new("a".repeat(513)).bytes().is_none());
    }
}
