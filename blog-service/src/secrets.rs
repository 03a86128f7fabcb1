//! Secrets that the service reads from the environment, for the help text and the check of names.

use kit::config::{Secret, secrets_help};

/// All secrets. A test compares this list with the names that the code reads.
pub const SECRETS: [Secret; 1] = [Secret {
    name: "BLOG_SERVICE_KEY",
    help: &[
        "AUTH_SERVICE_KEY of the auth service. With it, each token is verified once and the auth service reports",
        "its revocation; unset: each call verifies its token",
    ],
}];

/// Returns the help text below the flags.
pub(crate) fn help() -> String {
    format!(
        "A secret, read from the environment only (or from the file that BLOG_SERVICE_KEY_FILE names). One newline at \
         the end is removed:\n{}\nLogs go to standard error; RUST_LOG sets the level: off, error, warn, \
         info (the default), debug or trace, or TARGET=LEVEL (`blog_service=trace,info`).",
        secrets_help(&SECRETS)
    )
}
