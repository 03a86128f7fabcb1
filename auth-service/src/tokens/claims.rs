//! Claims of an access token (RFC 9068 §2.2): no secret, no email, and nothing that changes during its life.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::TokenFault;
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

impl Claims {
    /// Checks that a token with these claims is already valid and not expired (C11, C12). `latest` is the latest accepted
    /// issue time.
    ///
    /// # Errors
    /// [`TokenFault::Expired`] after the token's lifetime, [`TokenFault::Invalid`] before it.
    pub(super) fn are_live_at(&self, now: DateTime<Utc>, latest: DateTime<Utc>) -> Result<(), TokenFault> {
        let latest = latest.timestamp();
        if self.iat > latest || self.nbf > latest {
            return Err(TokenFault::Invalid);
        }
        // This service issued the token itself, so the expiry has no leeway.
        if now.timestamp() >= self.exp {
            return Err(TokenFault::Expired);
        }
        Ok(())
    }

    /// Returns true if the times are consistent and the lifetime is at most `max` (C11).
    pub(super) fn have_lifetime(&self, max: Duration) -> bool {
        let max = i64::try_from(max.as_secs()).unwrap_or(i64::MAX);
        let lifetime = self.exp.checked_sub(self.iat);
        self.iat >= 0 && lifetime.is_some_and(|lifetime| (0..=max).contains(&lifetime))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn audiences_are_listed_in_their_written_form_only() {
        let texts = ["auth", "blog", "shop"].map(str::to_owned);
        for count in [1, 2, 3] {
            assert_eq!(Audience::new(&texts[..count]).list(), &texts[..count]);
        }
        for count in [0, 1] {
            assert_eq!(Audience::Several(texts[..count].to_vec()).list(), &[""; 0], "a list of {count}");
        }
    }
}
