//! The claims of an access token (RFC 9068 §2.2): no secret, no email, nothing that changes while it lives.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What an access token says. Claims that this service never writes are refused when read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// Who issued the token.
    pub iss: String,
    /// Whom it is meant for.
    pub aud: String,
    /// The user's id.
    pub sub: Uuid,
    /// The session's id.
    pub sid: Uuid,
    /// The user's generation, read together with the roles.
    #[serde(rename = "gen")]
    pub generation: i32,
    /// The token's own id.
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
