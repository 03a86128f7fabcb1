//! Passwords: used exactly as received, never shown.

use secrecy::{ExposeSecret as _, SecretString};

/// Longest password, in code points and in bytes. Longer passwords are refused, never cut.
pub(super) const MAX_CODE_POINTS: usize = 128;
pub(super) const MAX_BYTES: usize = 512;

/// Password as a caller sent it. Any text is allowed, so that a login answers all wrong passwords alike.
#[derive(Clone)]
pub struct Password(SecretString);

/// New password of a user. Only a policy makes one.
pub struct NewPassword(Password);

impl Password {
    /// Wraps the text unchanged.
    pub fn new(text: String) -> Self {
        Self(text.into())
    }

    /// Returns the bytes to hash, unless the text is longer than any stored password and so cannot match.
    pub fn bytes(&self) -> Option<&[u8]> {
        Some(self.0.expose_secret().as_bytes()).filter(|bytes| bytes.len() <= MAX_BYTES)
    }

    pub(super) fn text(&self) -> &str {
        self.0.expose_secret()
    }
}

impl NewPassword {
    /// Wraps a password that a policy has accepted.
    pub(super) fn kept(password: Password) -> Self {
        Self(password)
    }

    /// Returns the password.
    pub fn into_password(self) -> Password {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// C43: a text that no stored password can equal is not hashed.
    #[test]
    fn overlong_passwords_match_no_stored_one() {
        assert!(Password::new("a".repeat(512)).bytes().is_some());
        assert!(Password::new("a".repeat(513)).bytes().is_none());
    }
}
