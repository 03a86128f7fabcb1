//! Reads a password from standard input or a file, never from an argument: every user of the machine can read the
//! arguments.

use std::io::{IsTerminal as _, Read as _};
use std::path::PathBuf;

use clap::{Args, value_parser};
use kit::config::{ConfigError, secret_bytes, secret_file};
use secrecy::SecretString;

use crate::domain::PasswordPolicy;

/// Largest input, in bytes. The policy refuses longer passwords anyway.
const MAX_INPUT_BYTES: u64 = 64 * 1024;

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
        const INPUT: &str = "standard input";
        if let Some(path) = &self.password_file {
            return secret_file("--password-file", path);
        }
        let input = std::io::stdin();
        if input.is_terminal() {
            let problem =
                "is a terminal, which would show the password: pipe the password in, or use --password-file FILE";
            return Err(ConfigError::setting(INPUT, problem));
        }
        let mut bytes = Vec::new();
        let read = input.lock().take(MAX_INPUT_BYTES).read_to_end(&mut bytes);
        read.map_err(|error| ConfigError::setting(INPUT, format!("cannot be read ({})", error.kind())))?;
        secret_bytes(INPUT, "the password", bytes)
    }
}
