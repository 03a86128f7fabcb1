//! Meters: how much of something each address or user takes in a minute, kept in memory.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// Keys that are metered at once. Beyond that all are forgotten: memory counts more than a quota.
const MAX_KEYS: usize = 65_536;

const MINUTE: TimeDelta = TimeDelta::minutes(1);

/// Allows each key an amount a minute; a minute's worth may be taken at once, and comes back evenly (GCRA).
#[derive(Debug)]
pub struct RateLimiter<K> {
    per_minute: u64,
    /// The time at which each key has all of its amount back.
    full: Mutex<HashMap<K, DateTime<Utc>>>,
}

impl<K: Eq + Hash> RateLimiter<K> {
    /// Allows this amount a minute; 0 means any amount.
    pub fn new(per_minute: u64) -> Self {
        Self { per_minute, full: Mutex::default() }
    }

    /// Returns how long the key must wait before it may take anything; `None` if it need not.
    pub fn wait(&self, key: &K, now: DateTime<Utc>) -> Option<Duration> {
        let keys = self.full.lock().unwrap_or_else(PoisonError::into_inner);
        let full = believed(*keys.get(key)?, now);
        (full - now - MINUTE + self.cost(1)).to_std().ok().filter(|wait| !wait.is_zero())
    }

    /// Takes this amount, or returns how long the key must wait for it. More than a minute's worth is taken once all of it is
    /// back.
    ///
    /// # Errors
    /// The time to wait; then nothing is taken.
    pub fn take(&self, key: K, amount: u64, now: DateTime<Utc>) -> Result<(), Duration> {
        if self.per_minute == 0 {
            return Ok(());
        }
        let cost = self.cost(amount).min(MINUTE);
        let mut keys = self.full.lock().unwrap_or_else(PoisonError::into_inner);
        let full = keys.get(&key).map_or(now, |full| believed(*full, now)).max(now);
        if let Some(wait) = (full + cost - now - MINUTE).to_std().ok().filter(|wait| !wait.is_zero()) {
            return Err(wait);
        }
        if keys.len() >= MAX_KEYS && !keys.contains_key(&key) {
            keys.retain(|_, full| *full > now);
            if keys.len() >= MAX_KEYS {
                keys.clear();
            }
        }
        keys.insert(key, full + cost);
        Ok(())
    }

    /// The time in which this amount comes back.
    fn cost(&self, amount: u64) -> TimeDelta {
        let micros = u128::from(amount) * 60_000_000 / u128::from(self.per_minute.max(1));
        TimeDelta::microseconds(i64::try_from(micros).unwrap_or(i64::MAX).min(MINUTE.num_microseconds().unwrap_or(0)))
    }
}

/// Returns the time, or `now` for one that only a wrong clock can have led to.
fn believed(full: DateTime<Utc>, now: DateTime<Utc>) -> DateTime<Utc> {
    if full - now > MINUTE * 2 { now } else { full }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000, 0).unwrap()
    }

    #[test]
    fn a_minutes_worth_is_taken_and_comes_back() {
        let limiter = RateLimiter::new(60);
        for _ in 0..60 {
            assert_eq!((limiter.wait(&"a", now()), limiter.take("a", 1, now())), (None, Ok(())));
        }
        let second = Duration::from_secs(1);
        assert_eq!((limiter.wait(&"a", now()), limiter.take("a", 1, now())), (Some(second), Err(second)));
        assert_eq!(limiter.take("a", 5, now()), Err(second * 5));
        assert_eq!(limiter.take("b", 60, now()), Ok(()), "each key has its own");
        assert_eq!(limiter.take("a", 1, now() + second), Ok(()));
        assert_eq!(limiter.take("a", 1, now() + second), Err(second));
    }

    #[test]
    fn more_than_a_minutes_worth_is_taken_by_a_full_meter() {
        let limiter = RateLimiter::new(10);
        assert_eq!(limiter.take("a", 1_000, now()), Ok(()));
        assert_eq!(limiter.take("a", 1_000, now()), Err(Duration::from_mins(1)));
        assert_eq!(limiter.take("a", 1_000, now() + MINUTE), Ok(()));
    }

    #[test]
    fn a_meter_of_zero_allows_anything() {
        let limiter = RateLimiter::new(0);
        assert_eq!(limiter.take("a", u64::MAX, now()), Ok(()));
        assert_eq!(limiter.wait(&"a", now()), None);
    }

    #[test]
    fn keys_are_bounded_and_wrong_clocks_bar_none() {
        let limiter = RateLimiter::new(1);
        for key in 0..=MAX_KEYS {
            limiter.take(key, 1, now()).unwrap();
        }
        assert!(limiter.full.lock().unwrap().len() <= MAX_KEYS);
        assert_eq!(limiter.take(MAX_KEYS, 1, now() - TimeDelta::days(1)), Ok(()));
    }
}
