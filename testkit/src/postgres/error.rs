//! Errors of a throw-away PostgreSQL.

use std::fmt::Display;

/// An error of a throw-away PostgreSQL.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// No programs of PostgreSQL were found.
    #[error("there is no PostgreSQL here: install Debian's `postgresql`, or set GATEPOST_TEST_POSTGRES=URL")]
    Missing,
    /// A step failed.
    #[error("the throw-away PostgreSQL did not {step}: {cause}")]
    Failed {
        /// Name of the step, as a verb.
        step: &'static str,
        /// Cause as text.
        cause: String,
    },
}

/// Returns a conversion for `map_err`, with the name of the failed step.
pub(super) fn failed<C: Display>(step: &'static str) -> impl FnOnce(C) -> PostgresError {
    move |cause| PostgresError::Failed { step, cause: cause.to_string() }
}
