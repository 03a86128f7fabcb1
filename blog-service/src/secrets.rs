//! The secrets that the service reads from the environment: the one list, for the help and for the check of names.

use kit::config::{Secret, secrets_help};

/// All of them. A test compares this list with the names that the code reads.
pub const SECRETS: [Secret; 1] = [Secret {
    name: "BLOG_SERVICE_KEY",
    help: &[
        "The auth service's AUTH_SERVICE_KEY. With it a token is asked about once, and the auth service tells",
        "of its revocation; unset: each call's token is asked about",
    ],
}];

/// Returns the text below the flags' help.
pub(crate) fn help() -> String {
    format!(
        "A secret, by the environment alone (or as BLOG_SERVICE_KEY_FILE, the path of a file that holds it). One newline at \
         the end is no part of it:\n{}\nLogs go to standard error; RUST_LOG sets how much: off, error, warn, \
         info (the default), debug or trace, or TARGET=LEVEL (`blog_service=trace,info`).",
        secrets_help(&SECRETS)
    )
}
