//! Secrets on standard input. An argument would show them to every user of the machine.

use std::io::{IsTerminal as _, Read as _};

use kit::config::{ConfigError, secret_bytes};
use secrecy::SecretString;

/// Largest input, in bytes.
const MAX_INPUT_BYTES: u64 = 64 * 1024;

const INPUT: &str = "standard input";

/// Reads a secret from standard input, such as `the password`. `other` ends the advice for a terminal.
///
/// # Errors
/// Fails for a terminal, and if the secret is missing or contains invisible characters.
pub(super) fn read_secret(secret: &str, other: &str) -> Result<SecretString, ConfigError> {
    let input = std::io::stdin();
    if input.is_terminal() {
        let problem = format!("is a terminal, which would show {secret}: pipe it in{other}");
        return Err(ConfigError::setting(INPUT, problem));
    }
    let mut bytes = Vec::new();
    let read = input.lock().take(MAX_INPUT_BYTES).read_to_end(&mut bytes);
    read.map_err(|error| ConfigError::setting(INPUT, format!("cannot be read ({})", error.kind())))?;
    secret_bytes(INPUT, secret, bytes)
}
