//! Rate limits for each address or user, in units per minute, kept in memory.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// Limit of tracked keys. Above it all keys are forgotten, because bounded memory is more important than a quota.
const MAX_KEYS: usize = 65_536;

const MINUTE: TimeDelta = TimeDelta::minutes(1);

/// Limiter that allows each key an amount per minute. A key may take a whole minute's amount at once, and regains it
/// evenly (GCRA).
#[derive(Debug)]
pub struct RateLimiter<K> {
    per_minute: u64,
    /// Time at which each key has its whole amount back.
    full: Mutex<HashMap<K, DateTime<Utc>>>,
}

impl<K: Eq + Hash> RateLimiter<K> {
    /// Creates a limiter with this amount per minute; 0 means no limit.
    pub fn new(per_minute: u64) -> Self {
        Self { per_minute, full: Mutex::default() }
    }

    /// Returns the time until the key may take one unit; `None` if it may take one now.
    pub fn wait(&self, key: &K, now: DateTime<Utc>) -> Option<Duration> {
        let keys = self.full.lock().unwrap_or_else(PoisonError::into_inner);
        let full = plausible(*keys.get(key)?, now);
        (full - now - MINUTE + self.cost(1)).to_std().ok().filter(|wait| !wait.is_zero())
    }

    /// Takes this amount. An amount larger than that of a minute is granted once the key has regained its whole amount.
    ///
    /// # Errors
    /// Returns the time to wait and takes nothing.
    pub fn take(&self, key: K, amount: u64, now: DateTime<Utc>) -> Result<(), Duration> {
        if self.per_minute == 0 {
            return Ok(());
        }
        let cost = self.cost(amount).min(MINUTE);
        let mut keys = self.full.lock().unwrap_or_else(PoisonError::into_inner);
        let full = keys.get(&key).map_or(now, |full| plausible(*full, now)).max(now);
        if let Some(wait) = (full + cost - now - MINUTE).to_std().ok().filter(|wait| !wait.is_zero()) {
            return Err(wait);
        }
        note(&mut keys, key, full + cost, now);
        Ok(())
    }

    /// Takes this amount, also from a key that has less left: the key then regains the missing amount first. No key owes
    /// more than the amount of a minute.
    pub fn charge(&self, key: K, amount: u64, now: DateTime<Utc>) {
        if self.per_minute == 0 {
            return;
        }
        let mut keys = self.full.lock().unwrap_or_else(PoisonError::into_inner);
        let full = keys.get(&key).map_or(now, |full| plausible(*full, now)).max(now);
        note(&mut keys, key, (full + self.cost(amount)).min(now + MINUTE * 2), now);
    }

    /// Returns the time in which this amount comes back.
    fn cost(&self, amount: u64) -> TimeDelta {
        let micros = u128::from(amount) * 60_000_000 / u128::from(self.per_minute.max(1));
        TimeDelta::microseconds(i64::try_from(micros).unwrap_or(i64::MAX).min(MINUTE.num_microseconds().unwrap_or(0)))
    }
}

/// Keeps the time at which the key has its whole amount back.
fn note<K: Eq + Hash>(keys: &mut HashMap<K, DateTime<Utc>>, key: K, full: DateTime<Utc>, now: DateTime<Utc>) {
    if keys.len() >= MAX_KEYS && !keys.contains_key(&key) {
        keys.retain(|_, full| *full > now);
        if keys.len() >= MAX_KEYS {
            keys.clear();
        }
    }
    keys.insert(key, full);
}

/// Returns the time, or `now` if only a wrong clock can explain the time.
fn plausible(full: DateTime<Utc>, now: DateTime<Utc>) -> DateTime<Utc> {
    if full - now > MINUTE * 2 { now } else { full }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000, 0).unwrap()
    }

    #[test]
    fn allowance_of_a_minute_is_used_and_refills() {
        let limiter = RateLimiter::new(60);
        for _ in 0..60 {
            assert_eq!((limiter.wait(&"a", now()), limiter.take("a", 1, now())), (None, Ok(())));
        }
        let second = Duration::from_secs(1);
        assert_eq!((limiter.wait(&"a", now()), limiter.take("a", 1, now())), (Some(second), Err(second)));
        assert_eq!(limiter.take("a", 5, now()), Err(second * 5));
        assert_eq!(limiter.take("b", 60, now()), Ok(()), "each key has its own allowance");
        assert_eq!(limiter.take("a", 1, now() + second), Ok(()));
        assert_eq!(limiter.take("a", 1, now() + second), Err(second));
    }

    #[test]
    fn larger_amount_needs_the_whole_minute() {
        let limiter = RateLimiter::new(10);
        assert_eq!(limiter.take("a", 1_000, now()), Ok(()));
        assert_eq!(limiter.take("a", 1_000, now()), Err(Duration::from_mins(1)));
        assert_eq!(limiter.take("a", 1_000, now() + MINUTE), Ok(()));
    }

    #[test]
    fn charged_key_owes_at_most_a_minute() {
        let limiter = RateLimiter::new(60);
        limiter.charge("a", 59, now());
        assert_eq!((limiter.take("a", 1, now()), limiter.take("a", 1, now())), (Ok(()), Err(Duration::from_secs(1))));
        for _ in 0..3 {
            limiter.charge("a", 1_000, now());
        }
        assert_eq!(limiter.take("a", 1, now()), Err(Duration::from_secs(61)));
        assert_eq!(limiter.take("a", 1, now() + MINUTE), Err(Duration::from_secs(1)));
        assert_eq!(limiter.take("b", 60, now()), Ok(()));
    }

    #[test]
    fn limit_zero_allows_any_amount() {
        let limiter = RateLimiter::new(0);
        limiter.charge("a", u64::MAX, now());
        assert_eq!(limiter.take("a", u64::MAX, now()), Ok(()));
        assert_eq!(limiter.wait(&"a", now()), None);
    }

    #[test]
    fn keys_are_bounded_and_wrong_clocks_block_no_key() {
        let limiter = RateLimiter::new(1);
        for key in 0..=MAX_KEYS {
            limiter.take(key, 1, now()).unwrap();
        }
        assert!(limiter.full.lock().unwrap().len() <= MAX_KEYS);
        assert_eq!(limiter.take(MAX_KEYS, 1, now() - TimeDelta::days(1)), Ok(()));
    }
}
