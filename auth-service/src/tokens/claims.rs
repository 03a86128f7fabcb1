//! Claims of an access token (RFC 9068 §2.2): no secret, no email, and nothing that changes during its life.

use serde::{Deserialize, Serialize};

use crate::domain::{SessionId, TokenId, UserId};

/// Audiences of a token: one text, or a list of several (RFC 7519 §4.1.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Audience {
    /// Single audience.
    One(String),
    /// Two audiences or more.
    Several(Vec<String>),
}

/// Claims of an access token. A token with any other claim is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// Issuer.
    pub iss: String,
    /// Services that accept the token.
    pub aud: Audience,
    /// User id.
    pub sub: UserId,
    /// Session id.
    pub sid: SessionId,
    /// Generation of the user, read together with the roles.
    #[serde(rename = "gen")]
    pub generation: i32,
    /// Token id; its last bits are the era of the log of revocations.
    pub jti: TokenId,
    /// Issue time, in seconds since 1970.
    pub iat: i64,
    /// Time from which the token is valid, in seconds since 1970.
    pub nbf: i64,
    /// Expiry time, in seconds since 1970.
    pub exp: i64,
    /// Roles of the user.
    pub roles: Vec<String>,
}

impl Audience {
    /// Makes the canonical form of these audiences.
    pub fn new(audiences: &[String]) -> Self {
        match audiences {
            [one] => Self::One(one.clone()),
            several => Self::Several(several.to_vec()),
        }
    }

    /// Returns the audiences; empty if they are not in the form that this service writes.
    pub fn list(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Several(several) if several.len() > 1 => several,
            Self::Several(_) => &[],
        }
    }
}
