//! Limits on failed logins (NIST SP 800-63B-4 §3.2.2).
//!
//! An account is locked longer after each wrong password. An address has an allowance of failures, which refills over
//! time.

use std::net::{IpAddr, Ipv6Addr};

use chrono::{DateTime, TimeDelta, Utc};

/// Lock time of an account that has reached the maximum of wrong passwords in a row.
const MAX_ACCOUNT_LOCK: TimeDelta = TimeDelta::hours(24);

/// Largest clock skew between replicas that any setting allows.
const MAX_CLOCK_SKEW: TimeDelta = TimeDelta::minutes(1);

/// Largest number of uses beyond the burst: this many attempts may be in progress when the allowance runs out.
const MAX_USES_BEYOND_BURST: i32 = 128;

/// Limits on attempts, from the settings.
#[derive(Clone, Copy, Debug)]
pub struct AttemptLimits {
    /// Wrong passwords in a row without a delay; 0 turns the delays off.
    pub free_failures: i32,
    /// Longest delay between two attempts. The delay starts at one second and doubles.
    pub max_delay: TimeDelta,
    /// Wrong passwords in a row after which an account is locked for a day.
    pub lock_after: i32,
    /// Allowance of wrong passwords per address.
    pub failures: Allowance,
    /// Allowance of registrations per address.
    pub sign_ups: Allowance,
    /// Largest clock skew between two replicas.
    pub leeway: TimeDelta,
}

/// Wrong passwords of an account in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failures {
    /// Number of wrong passwords.
    pub count: i32,
    /// Time of the last one.
    pub last: DateTime<Utc>,
}

/// Token bucket: a burst, then a rate.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    /// Uses at once; 0 means unlimited.
    pub burst: u32,
    /// Uses that come back per minute; at least 1.
    pub per_minute: u32,
}

impl AttemptLimits {
    /// Returns the time from `now` until the account's next attempt is allowed, unless it is allowed now.
    pub fn wait(&self, failures: Failures, now: DateTime<Utc>) -> Option<TimeDelta> {
        if self.free_failures == 0 || failures.count < self.free_failures {
            return None;
        }
        // A failure with a future time was written under a wrong clock. It must not block a caller longer than a
        // failure with the right time.
        if failures.last > now + self.leeway {
            return None;
        }
        let delay = if failures.count >= self.lock_after { MAX_ACCOUNT_LOCK } else { self.delay_after(failures.count) };
        Some(failures.last + delay - now).map(|left| left.min(delay)).filter(|left| *left > TimeDelta::zero())
    }

    /// Returns the lock time if this wrong password in a row is to be reported as a lock: the first one with a delay,
    /// and the one that locks the account for a day. `None` for the others.
    pub fn lock(&self, count: i32) -> Option<TimeDelta> {
        if self.free_failures == 0 {
            None
        } else if count == self.lock_after {
            Some(MAX_ACCOUNT_LOCK)
        } else {
            (count == self.free_failures).then(|| self.delay_after(count))
        }
    }

    fn delay_after(&self, count: i32) -> TimeDelta {
        // 2^20 seconds are twelve days, which is above every setting of the longest delay.
        TimeDelta::seconds(1 << (count - self.free_failures).min(20)).min(self.max_delay)
    }
}

impl Allowance {
    /// Returns the time from `now` until the next use of the address is allowed; `None` if it is allowed now. At `full`
    /// the whole allowance is available again.
    pub fn wait(self, full: DateTime<Utc>, now: DateTime<Utc>) -> Option<TimeDelta> {
        let burst = i32::try_from(self.burst.checked_sub(1)?).unwrap_or(i32::MAX);
        let full = self.plausible(full, now);
        Some(full - now - self.interval() * burst).filter(|left| *left > TimeDelta::zero())
    }

    /// Returns the time at which the whole allowance is available again after one more use.
    pub fn use_one(self, full: DateTime<Utc>, now: DateTime<Utc>) -> DateTime<Utc> {
        self.plausible(full, now).max(now) + self.interval()
    }

    /// Returns the stored time, or `now` if only a wrong clock can have written the stored time.
    fn plausible(self, full: DateTime<Utc>, now: DateTime<Utc>) -> DateTime<Utc> {
        if full <= self.latest(now, MAX_CLOCK_SKEW) { full } else { now }
    }

    /// Returns the latest possible stored time, if all clocks differ by at most `skew`.
    pub fn latest(self, now: DateTime<Utc>, skew: TimeDelta) -> DateTime<Utc> {
        let most = i32::try_from(self.burst).unwrap_or(i32::MAX).saturating_add(MAX_USES_BEYOND_BURST);
        now + self.interval() * most + skew
    }

    /// Returns the time at which the whole allowance is available again, if it is used up at `now`.
    pub fn used_up(self, now: DateTime<Utc>) -> DateTime<Utc> {
        now + self.interval() * i32::try_from(self.burst).unwrap_or(i32::MAX)
    }

    fn interval(self) -> TimeDelta {
        TimeDelta::milliseconds(60_000 / i64::from(self.per_minute.max(1)))
    }
}

/// Returns the network under which an address is counted. IPv6 addresses count by their first 64 bits: one subscriber
/// can use all addresses below them.
pub fn network(peer: &str) -> String {
    match peer.parse() {
        Ok(IpAddr::V6(address)) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).to_string(),
        _ => peer.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: AttemptLimits = AttemptLimits {
        free_failures: 4,
        max_delay: TimeDelta::minutes(15),
        lock_after: 100,
        failures: Allowance { burst: 50, per_minute: 20 },
        sign_ups: Allowance { burst: 0, per_minute: 20 },
        leeway: TimeDelta::seconds(5),
    };

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000, 0).unwrap()
    }

    /// C52: an account is locked longer after each failure.
    #[test]
    fn lock_doubles_after_each_wrong_password() {
        let wait = |count| LIMITS.wait(Failures { count, last: now() }, now()).map(|left| left.num_seconds());
        assert_eq!([0, 1, 3].map(wait), [None; 3]);
        assert_eq!([4, 5, 6, 13, 14, 99].map(wait), [1, 2, 4, 512, 900, 900].map(Some));
        assert_eq!([100, i32::MAX].map(wait), [Some(24 * 3600); 2]);
        let last = now() - TimeDelta::seconds(2);
        assert_eq!(LIMITS.wait(Failures { count: 5, last }, now()), None);
        assert_eq!(LIMITS.wait(Failures { count: 6, last }, now()), Some(TimeDelta::seconds(2)));
        let none = AttemptLimits { free_failures: 0, ..LIMITS };
        assert_eq!(none.wait(Failures { count: 100, last: now() }, now()), None);
        let locks = |count| LIMITS.lock(count).map(|lock| lock.num_seconds());
        assert_eq!([3, 4, 5, 99, 100, 101].map(locks), [None, Some(1), None, None, Some(24 * 3600), None]);
        assert_eq!(none.lock(100), None);
    }

    /// C52: an address has a burst of failures, and then a rate.
    #[test]
    fn address_has_a_burst_and_then_a_rate() {
        let (allowance, mut full, mut now) = (LIMITS.failures, now(), now());
        for used in 0..50 {
            assert_eq!(allowance.wait(full, now), None, "{used}");
            full = allowance.use_one(full, now);
        }
        assert_eq!(allowance.wait(full, now), Some(TimeDelta::seconds(3)));
        now += TimeDelta::seconds(3);
        assert_eq!(allowance.wait(full, now), None);
        full = allowance.use_one(full, now);
        assert_eq!(allowance.wait(full, now), Some(TimeDelta::seconds(3)), "the returned use was consumed");
        assert_eq!(allowance.wait(full, now + TimeDelta::seconds(150)), None);
        assert_eq!(LIMITS.sign_ups.wait(full + TimeDelta::days(9), now), None, "unlimited");
    }

    #[test]
    fn future_times_block_no_caller() {
        for ahead in [TimeDelta::hours(2), TimeDelta::days(30)] {
            let failures = Failures { count: 5, last: now() + ahead };
            assert_eq!(LIMITS.wait(failures, now()), None, "account not blocked");
            let full = now() + ahead;
            assert_eq!(LIMITS.failures.wait(full, now()), None, "address not blocked");
            assert_eq!(LIMITS.failures.use_one(full, now()), now() + TimeDelta::seconds(3), "row corrected");
        }
        for (ahead, wait) in [(4_000, Some(2)), (5_000, Some(2)), (5_001, None)] {
            let skewed = Failures { count: 5, last: now() + TimeDelta::milliseconds(ahead) };
            assert_eq!(LIMITS.wait(skewed, now()), wait.map(TimeDelta::seconds), "cut to the longest delay: {ahead}");
        }
    }

    #[test]
    fn times_of_an_allowance_follow_its_rate() {
        // A use comes back in 3 s: 50 of the burst, and 128 beyond it, which a skew of a minute may add to.
        let (allowance, skew) = (LIMITS.failures, TimeDelta::minutes(1));
        let latest = now() + TimeDelta::seconds(3 * (50 + 128) + 60);
        assert_eq!(
            (allowance.latest(now(), skew), allowance.used_up(now())),
            (latest, now() + TimeDelta::seconds(150))
        );
        let interval = TimeDelta::seconds(3);
        assert_eq!(allowance.use_one(latest, now()), latest + interval, "plausible");
        let later = latest + TimeDelta::milliseconds(1);
        assert_eq!(allowance.use_one(later, now()), now() + interval, "written by a wrong clock");
    }

    #[test]
    fn address_counts_with_its_network() {
        for (peer, network_of) in [
            ("192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            ("::1", "::"),
            ("", ""),
            ("no address", "no address"),
        ] {
            assert_eq!(network(peer), network_of);
        }
    }
}
