//! Quotas of addresses and users, metered at each replica by itself.

use chrono::{DateTime, Utc};
use kit::meter::Meter;

use crate::config::QuotaFlags;
use crate::domain::{AttemptLimits, network};
use crate::error::Error;

/// The quotas, and how much of them is used.
pub(crate) struct Quotas {
    logins: Meter<String>,
    bad_refreshes: Meter<String>,
    /// Sessions that a user may have; `None` for any number.
    pub(crate) user_sessions: Option<u32>,
}

/// A quota of an address.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Quota {
    /// Logins that succeed.
    Logins,
    /// Refresh tokens that are none.
    BadRefreshes,
}

impl Quotas {
    /// Meters by these flags. Where addresses have no limits, as behind a proxy that tells none, they have no quotas either.
    pub(crate) fn new(flags: QuotaFlags, limits: AttemptLimits) -> Self {
        let of_address = |quota: u32| Meter::new(if limits.failures.burst == 0 { 0 } else { quota.into() });
        Self {
            logins: of_address(flags.address_logins_per_minute),
            bad_refreshes: of_address(flags.address_bad_refreshes_per_minute),
            user_sessions: Some(flags.user_sessions).filter(|most| *most > 0),
        }
    }

    /// Fails if the address at `peer` has used up its quota.
    pub(crate) fn check(&self, quota: Quota, peer: &str, now: DateTime<Utc>) -> Result<(), Error> {
        self.meter(quota).wait(&network(peer), now).map_or(Ok(()), |wait| Err(Error::TooManyCalls(wait)))
    }

    /// Uses one of the address's quota. One too many has happened already: the next call is refused.
    pub(crate) fn count(&self, quota: Quota, peer: &str, now: DateTime<Utc>) {
        let _ = self.meter(quota).take(network(peer), 1, now);
    }

    fn meter(&self, quota: Quota) -> &Meter<String> {
        match quota {
            Quota::Logins => &self.logins,
            Quota::BadRefreshes => &self.bad_refreshes,
        }
    }
}
