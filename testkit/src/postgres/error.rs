//! Why a throw-away PostgreSQL does not do what it was asked for.

use std::fmt::Display;

/// Why a server, or a fault of it, is not there.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No programs of PostgreSQL were found.
    #[error("there is no PostgreSQL here: install Debian's `postgresql`, or set GATEPOST_TEST_POSTGRES=URL")]
    Missing,
    /// The server was asked for something that it did not do.
    #[error("the throw-away PostgreSQL did not {step}: {cause}")]
    Failed {
        /// What it did not do.
        step: &'static str,
        /// The cause, for people.
        cause: String,
    },
}

/// For `map_err`: what was to be done.
pub(super) fn failed<C: Display>(step: &'static str) -> impl FnOnce(C) -> Error {
    move |cause| Error::Failed { step, cause: cause.to_string() }
}
