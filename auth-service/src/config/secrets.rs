//! The list of secrets that the service reads from the environment, for the help and for the check of names.

use kit::config::{Secret, secrets_help};

/// All secrets. A test compares this list with the names that the code reads.
pub const SECRETS: [Secret; 5] = [
    Secret {
        name: "JWT_SECRET_KEY",
        help: &["Signs tokens with HS256; at least 32 bytes. Unset: key pairs sign, the first start makes one"],
    },
    Secret {
        name: "AUTH_MASTER_KEY",
        help: &[
            "Seals the key pairs in the database; 32 bytes in base64 (`openssl rand -base64 32`). Unset: they",
            "are in a file beside the database",
        ],
    },
    Secret { name: "AUTH_OLD_MASTER_KEY", help: &["The previous master key, for `keys reseal` only"] },
    Secret {
        name: "AUTH_SERVICE_KEY",
        help: &[
            "Presented by other services in place of a user's token; at least 32 bytes. NAME:KEY names the service, and",
            "commas separate several keys",
        ],
    },
    Secret { name: "AUTH_ADMIN_PASSWORD", help: &["The first admin's password, together with AUTH_ADMIN_EMAIL"] },
];

/// Returns the text below the flags' help.
pub(super) fn help() -> String {
    format!(
        "Secrets, only from the environment (each also as NAME_FILE, the path of a file that holds it). One newline at the \
         end is ignored:\n{}\nLogs go to standard error; RUST_LOG sets the level: off, error, warn, \
         info (the default), debug or trace, or TARGET=LEVEL (`auth_service=trace,info`).",
        secrets_help(&SECRETS)
    )
}
