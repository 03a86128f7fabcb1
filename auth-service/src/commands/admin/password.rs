//! Password of an operator's command, and the rules for it.

use clap::{Args, value_parser};
use kit::config::ConfigError;
use secrecy::SecretString;

use crate::console::{PasswordSource, PasswordUse};
use crate::domain::PasswordPolicy;

/// Source of the new password, and its minimum length.
#[derive(Clone, Debug, Args)]
pub(super) struct PasswordFlags {
    #[command(flatten)]
    source: PasswordSource,
    /// Minimum length of a new password in characters, 8 to 64
    #[arg(long, env = "AUTH_PASSWORD_MIN_LENGTH", default_value = "8", hide_env_values = true,
          value_parser = value_parser!(u8).range(PasswordPolicy::MIN_LENGTHS))]
    password_min_length: u8,
}

impl PasswordFlags {
    /// Returns the rules for the password.
    pub(super) fn policy(&self) -> PasswordPolicy {
        PasswordPolicy::new(self.password_min_length)
    }

    /// Reads the password.
    ///
    /// # Errors
    /// Fails if the password is missing or contains invisible characters.
    pub(super) async fn read(&self) -> Result<SecretString, ConfigError> {
        self.source.read(PasswordUse::New).await
    }
}
