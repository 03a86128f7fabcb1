//! Reasons for which a token is worth nothing.

use crate::api::auth::v1::TokenState;

/// The reason for which a token is worth nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Denial {
    /// Malformed, forged, or meant for somebody else.
    Invalid,
    /// Its lifetime is over.
    Expired,
    /// Its session has ended.
    Revoked,
    /// Its user no longer exists.
    UserDeleted,
    /// Its user may not act for now.
    UserDisabled,
}

impl From<Denial> for TokenState {
    fn from(denial: Denial) -> Self {
        match denial {
            Denial::Invalid => Self::Invalid,
            Denial::Expired => Self::Expired,
            Denial::Revoked => Self::Revoked,
            Denial::UserDeleted => Self::UserDeleted,
            Denial::UserDisabled => Self::UserDisabled,
        }
    }
}
