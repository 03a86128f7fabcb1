//! Reads a password from standard input or a file, never from an argument: every user of the machine can read the
//! arguments.

use std::path::PathBuf;

use clap::{Args, value_parser};
use kit::config::{ConfigError, secret_file};
use secrecy::SecretString;

use super::super::input::read_secret;
use crate::domain::PasswordPolicy;

/// Source of the new password, and its minimum length.
#[derive(Clone, Debug, Args)]
pub(super) struct PasswordFlags {
    /// File that holds the password, in place of standard input; one newline at the end is ignored
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
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
    pub(super) fn read(&self) -> Result<SecretString, ConfigError> {
        if let Some(path) = &self.password_file {
            return secret_file("--password-file", path);
        }
        read_secret("the password", ", or use --password-file FILE")
    }
}
