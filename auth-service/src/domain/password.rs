//! Passwords: used exactly as received, never shown.

use secrecy::{ExposeSecret as _, SecretString};

/// The shortest new password, in code points.
const MIN_CODE_POINTS: usize = 8;

/// The longest password, in code points and in bytes: longer ones are refused, never cut.
const MAX_CODE_POINTS: usize = 128;
const MAX_BYTES: usize = 512;

/// What somebody says their password is. It may be anything, so that a login answers every wrong one alike.
#[derive(Clone)]
pub struct Password(SecretString);

/// A password that a user may have from now on.
pub struct NewPassword(Password);

/// The text may not become a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", NewPassword::RULE)]
pub struct PasswordError;

impl Password {
    /// Takes the text as it is.
    pub fn new(text: String) -> Self {
        Self(text.into())
    }

    /// The bytes to hash, or `None` when no stored password is that long, so that none can match.
    pub fn bytes(&self) -> Option<&[u8]> {
        Some(self.0.expose_secret().as_bytes()).filter(|bytes| bytes.len() <= MAX_BYTES)
    }
}

impl NewPassword {
    /// What a new password must be.
    pub const RULE: &'static str = "must have 8 to 128 characters and at most 512 bytes";

    /// Reads a new password.
    ///
    /// # Errors
    /// When the text is too short or too long.
    pub fn parse(text: String) -> Result<Self, PasswordError> {
        let code_points = text.chars().count();
        let fits = (MIN_CODE_POINTS..=MAX_CODE_POINTS).contains(&code_points) && text.len() <= MAX_BYTES;
        if fits { Ok(Self(Password::new(text))) } else { Err(PasswordError) }
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
    fn c42_c43_the_limits_count_code_points_and_bytes() {
        for fits in ["12345678", &"\u{1f980}".repeat(8), &"a".repeat(128), &"\u{1f980}".repeat(128), "a b  c d "] {
            assert!(NewPassword::parse(fits.to_owned()).is_ok(), "{fits}");
        }
        for unfit in ["", "1234567", &"\u{1f980}".repeat(7), &"a".repeat(129)] {
            assert!(NewPassword::parse(unfit.to_owned()).is_err(), "{unfit}");
        }
        assert!(Password::new("a".repeat(512)).bytes().is_some());
        assert!(Password::new("a".repeat(513)).bytes().is_none());
    }
}
