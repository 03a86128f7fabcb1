//! The claims of an access token (RFC 9068 §2.2): no secret, no email, nothing that changes while it lives.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The audiences of a token: one text, or a list of several (RFC 7519 §4.1.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Audience {
    /// The only one.
    One(String),
    /// At least two.
    Several(Vec<String>),
}

/// What an access token says. Claims that this service never writes are refused when read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// Who issued the token.
    pub iss: String,
    /// The services that it is for.
    pub aud: Audience,
    /// The user's id.
    pub sub: Uuid,
    /// The session's id.
    pub sid: Uuid,
    /// The user's generation, read together with the roles.
    #[serde(rename = "gen")]
    pub generation: i32,
    /// The token's own id, whose last bits are the era of the log of revocations.
    pub jti: Uuid,
    /// When it was issued, in seconds since 1970.
    pub iat: i64,
    /// From when on it is good, in seconds since 1970.
    pub nbf: i64,
    /// From when on it is dead, in seconds since 1970.
    pub exp: i64,
    /// The user's roles.
    pub roles: Vec<String>,
}

impl Audience {
    /// Writes the audiences in their one form.
    pub fn new(audiences: &[String]) -> Self {
        match audiences {
            [one] => Self::One(one.clone()),
            several => Self::Several(several.to_vec()),
        }
    }

    /// The audiences, if they stand in the form in which this service writes them.
    pub fn list(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Several(several) if several.len() > 1 => several,
            Self::Several(_) => &[],
        }
    }
}
