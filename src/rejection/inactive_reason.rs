//! Reasons why a token is not valid.

use crate::api::auth::v1::TokenState;

/// The reason why a token is not valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InactiveReason {
    /// The token is malformed, forged or for another audience.
    Invalid,
    /// The token has expired.
    Expired,
    /// The token's session has ended.
    Revoked,
    /// The token's user no longer exists.
    UserDeleted,
    /// The token's user is disabled.
    UserDisabled,
}

impl From<InactiveReason> for TokenState {
    fn from(reason: InactiveReason) -> Self {
        match reason {
            InactiveReason::Invalid => Self::Invalid,
            InactiveReason::Expired => Self::Expired,
            InactiveReason::Revoked => Self::Revoked,
            InactiveReason::UserDeleted => Self::UserDeleted,
            InactiveReason::UserDisabled => Self::UserDisabled,
        }
    }
}
