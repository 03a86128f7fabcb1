//! How often somebody may be wrong: an account rests longer after each wrong password, and an address has an allowance of
//! them that comes back with time (NIST SP 800-63B-4 §3.2.2).

use std::net::{IpAddr, Ipv6Addr};

use chrono::{DateTime, TimeDelta, Utc};

/// How long an account rests that has reached the most wrong passwords in a row.
const LONGEST_REST: TimeDelta = TimeDelta::hours(24);

/// The most by which clocks may differ by any setting.
const MOST_SKEW: TimeDelta = TimeDelta::minutes(1);

/// Uses of an allowance beyond its burst: as many attempts as may be under way when the last one of it is used.
const MOST_BEYOND: i32 = 128;

/// The limits of a service.
#[derive(Clone, Copy, Debug)]
pub struct AttemptLimits {
    /// Wrong passwords in a row that cost an account nothing; 0 means that none ever does.
    pub free_failures: i32,
    /// The longest rest between two attempts: it begins with one second and doubles.
    pub max_delay: TimeDelta,
    /// Wrong passwords in a row after which an account rests for a day.
    pub lock_after: i32,
    /// Wrong passwords of an address.
    pub failures: Allowance,
    /// Registrations of an address.
    pub sign_ups: Allowance,
    /// The most by which the clocks of two replicas may differ.
    pub leeway: TimeDelta,
}

/// Wrong passwords of an account in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failures {
    /// How many.
    pub count: i32,
    /// When the last one was.
    pub last: DateTime<Utc>,
}

/// So many at once, and then so many a minute.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    /// How many at once; 0 means without limit.
    pub burst: u32,
    /// How many of them come back in a minute; at least 1.
    pub per_minute: u32,
}

impl AttemptLimits {
    /// How long the account must rest from `now` on before the next attempt; `None` when it need not.
    pub fn wait(&self, failures: Failures, now: DateTime<Utc>) -> Option<TimeDelta> {
        if self.free_failures == 0 || failures.count < self.free_failures {
            return None;
        }
        // A failure of the future was written under a wrong clock: it must bar no caller longer than a right one does.
        if failures.last > now + self.leeway {
            return None;
        }
        let rest = if failures.count >= self.lock_after { LONGEST_REST } else { self.rest_after(failures.count) };
        Some(failures.last + rest - now).map(|left| left.min(rest)).filter(|left| *left > TimeDelta::zero())
    }

    fn rest_after(&self, count: i32) -> TimeDelta {
        // Beyond 2^20 seconds, twelve days, every longest rest has been reached.
        TimeDelta::seconds(1 << (count - self.free_failures).min(20)).min(self.max_delay)
    }
}

impl Allowance {
    /// How long the address must wait from `now` on; `full` is when it has its whole allowance back.
    pub fn wait(self, full: DateTime<Utc>, now: DateTime<Utc>) -> Option<TimeDelta> {
        let burst = i32::try_from(self.burst.checked_sub(1)?).unwrap_or(i32::MAX);
        let full = self.believed(full, now);
        Some(full - now - self.interval() * burst).filter(|left| *left > TimeDelta::zero())
    }

    /// When the address has its whole allowance back after one more.
    pub fn use_one(self, full: DateTime<Utc>, now: DateTime<Utc>) -> DateTime<Utc> {
        self.believed(full, now).max(now) + self.interval()
    }

    /// Returns the stored time, or `now` for one that no use can have led to: it was written under a wrong clock.
    fn believed(self, full: DateTime<Utc>, now: DateTime<Utc>) -> DateTime<Utc> {
        if full <= self.latest(now, MOST_SKEW) { full } else { now }
    }

    /// Returns the latest time that uses until now can have led to, by clocks that differ by so much.
    pub fn latest(self, now: DateTime<Utc>, skew: TimeDelta) -> DateTime<Utc> {
        let most = i32::try_from(self.burst).unwrap_or(i32::MAX).saturating_add(MOST_BEYOND);
        now + self.interval() * most + skew
    }

    /// Returns when an address has its whole allowance back that has just used all of it, and no more.
    pub fn used_up(self, now: DateTime<Utc>) -> DateTime<Utc> {
        now + self.interval() * i32::try_from(self.burst).unwrap_or(i32::MAX)
    }

    fn interval(self) -> TimeDelta {
        TimeDelta::milliseconds(60_000 / i64::from(self.per_minute.max(1)))
    }
}

/// The network that an address counts as: of IPv6 the first 64 bits, which one subscriber has to choose from.
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
    }

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
        assert_eq!(allowance.wait(full, now), Some(TimeDelta::seconds(3)), "one came back and was used");
        assert_eq!(allowance.wait(full, now + TimeDelta::seconds(150)), None);
        assert_eq!(LIMITS.sign_ups.wait(full + TimeDelta::days(9), now), None, "without limit");
    }

    #[test]
    fn future_times_block_no_caller() {
        for ahead in [TimeDelta::hours(2), TimeDelta::days(30)] {
            let failures = Failures { count: 5, last: now() + ahead };
            assert_eq!(LIMITS.wait(failures, now()), None, "an account");
            let full = now() + ahead;
            assert_eq!(LIMITS.failures.wait(full, now()), None, "an address");
            assert_eq!(
                LIMITS.failures.use_one(full, now()),
                now() + TimeDelta::seconds(3),
                "and the row is right again"
            );
        }
        let skewed = Failures { count: 5, last: now() + TimeDelta::seconds(4) };
        assert_eq!(LIMITS.wait(skewed, now()), Some(TimeDelta::seconds(2)), "cut to the longest");
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
