//! Quotas of addresses and users, metered at each replica by itself.

use chrono::{DateTime, Utc};
use kit::rate_limiter::RateLimiter;

use crate::domain::network;
use crate::error::Error;

/// The quotas, and how much of them is used.
pub(crate) struct Quotas {
    pub(crate) logins: RateLimiter<String>,
    pub(crate) bad_refreshes: RateLimiter<String>,
    /// Sessions that a user may have; `None` for any number.
    pub(crate) user_sessions: Option<u32>,
}

/// A quota of an address.
#[derive(Clone, Copy, Debug)]
pub(super) enum Quota {
    /// Logins that succeed.
    Logins,
    /// Refresh tokens that are none.
    BadRefreshes,
}

impl Quotas {
    /// Fails if the address at `peer` has used up its quota.
    pub(super) fn check(&self, quota: Quota, peer: &str, now: DateTime<Utc>) -> Result<(), Error> {
        self.meter(quota).wait(&network(peer), now).map_or(Ok(()), |wait| Err(Error::TooManyCalls(wait)))
    }

    /// Uses one of the address's quota. One too many has happened already: the next call is refused.
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
