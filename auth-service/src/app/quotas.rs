//! Quotas of addresses and users. Each replica counts for itself.

use chrono::{DateTime, Utc};
use kit::rate_limiter::RateLimiter;

use crate::domain::network;
use crate::error::AuthError;

/// Quotas with their present use.
pub(crate) struct Quotas {
    pub(crate) logins: RateLimiter<String>,
    pub(crate) bad_refreshes: RateLimiter<String>,
    /// Largest number of sessions of a user; `None` for no limit.
    pub(crate) user_sessions: Option<u32>,
}

/// Quota of an address.
#[derive(Clone, Copy, Debug)]
pub(super) enum Quota {
    /// Successful logins.
    Logins,
    /// Refused refresh tokens.
    BadRefreshes,
}

impl Quotas {
    /// Fails if the address `peer` has used up its quota.
    pub(super) fn check(&self, quota: Quota, peer: &str, now: DateTime<Utc>) -> Result<(), AuthError> {
        self.meter(quota).wait(&network(peer), now).map_or(Ok(()), |wait| Err(AuthError::TooManyCalls(wait)))
    }

    /// Counts one use by the address. A use beyond the quota is not undone; the next call is refused.
    pub(super) fn count(&self, quota: Quota, peer: &str, now: DateTime<Utc>) {
        let _ = self.meter(quota).take(network(peer), 1, now);
    }

    fn meter(&self, quota: Quota) -> &RateLimiter<String> {
        match quota {
            Quota::Logins => &self.logins,
            Quota::BadRefreshes => &self.bad_refreshes,
        }
    }
}
