//! Repairs times that a wrong clock has written: at the start, and in the background.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use db::requests;
use kit::Clock;

use crate::domain::{Allowance, AttemptLimits, Era, Lifetimes, SessionId};
use crate::repaired::{Repaired, latest_plausible_time};
use crate::stamp::stamp;
use crate::store::{AllowanceBound, AllowanceKind, AuthStore, StoreError, TimeBounds};
use crate::view::View;

/// Earliest time of a clock that has been set, in seconds since 1970: 2025-01-01. An earlier clock repairs nothing.
const EARLIEST_SET_CLOCK: i64 = 1_735_689_600;

/// Repair of stored times in the future: sets them to the present.
pub(crate) struct Repair {
    pub(crate) store: AuthStore,
    pub(crate) view: Arc<View>,
    pub(crate) clock: Clock,
    /// Largest tolerated difference between clocks.
    pub(crate) leeway: TimeDelta,
    pub(crate) lifetimes: Lifetimes,
    pub(crate) limits: AttemptLimits,
    pub(crate) count: Repaired,
}

impl Repair {
    /// Lowers a horizon in the future, which would refuse every new token. Begins another era, so that all earlier
    /// tokens stay dead. Returns `true` if the horizon was lowered; the view must then poll.
    ///
    /// # Errors
    /// [`StoreError`] if the horizon is unchanged.
    pub(crate) async fn horizon(&self) -> Result<bool, StoreError> {
        let (now, until) = (self.clock.now(), self.view.horizon().until);
        // A replica with a slow clock must not lower a right horizon.
        let future = latest_plausible_time(self.clock.latest(), self.leeway);
        if until <= future || now.timestamp() < EARLIEST_SET_CLOCK {
            return Ok(false);
        }
        let lowered = self.store.lower_horizon(future, stamp(now)).await?.is_some();
        if lowered {
            self.count.add(1);
            tracing::warn!(
                %until,
                "horizon in the future, set under a wrong clock: lowered, and all tokens issued until now are refused"
            );
        }
        Ok(lowered)
    }

    /// Repairs all tables. `stepped` is set if the clock was certainly ahead before, so that tokens with a future issue
    /// time may exist.
    ///
    /// # Errors
    /// [`StoreError`] if some rows remain for the next repair.
    pub(crate) async fn tables(&self, stepped: bool) -> Result<(), StoreError> {
        let now = self.clock.now();
        if now.timestamp() < EARLIEST_SET_CLOCK {
            return Ok(());
        }
        let bounds = self.bounds(now);
        let found = self.log(false, bounds).await? + self.sessions(false, bounds).await?;
        let (mut log, mut sessions) = (0, 0);
        if (found > 0 || stepped) && self.follow_era(bounds).await? {
            log = self.log(true, bounds).await?;
            sessions = self.sessions(true, bounds).await?;
        }
        let full = [(AllowanceKind::Failure, self.limits.failures), (AllowanceKind::SignUp, self.limits.sign_ups)];
        // After a step back of the clock, an overdrawn allowance cannot be distinguished from a wrong time, so it is
        // deleted.
        let latest = |allowance: Allowance| {
            if stepped { allowance.used_up(now) } else { allowance.latest(now, bounds.future - now) }
        };
        let full = full.map(|(kind, allowance)| AllowanceBound { kind, full_time: latest(allowance) });
        // The counts stay, and block no caller now.
        let last = now - self.limits.max_delay;
        let attempts = self.store.repair_attempts(bounds, last, &full).await?;
        let requests = requests::repair_times(self.store.db(), bounds.now, bounds.future).await?;
        let all = log + sessions + attempts + requests;
        if all > 0 {
            self.count.add(all);
            tracing::warn!(
                log,
                sessions,
                attempts,
                requests,
                "rows with times in the future, written under a wrong clock: set to the present"
            );
        }
        Ok(())
    }

    fn bounds(&self, now: DateTime<Utc>) -> TimeBounds {
        let delta = |duration| TimeDelta::from_std(duration).unwrap_or_default();
        let Lifetimes { idle, access, session } = self.lifetimes;
        TimeBounds {
            now,
            future: latest_plausible_time(now, self.leeway),
            session: delta(session),
            idle: delta(idle.max(access)),
        }
    }

    /// Begins another era, in which tokens with a future time of issue are dead. Returns `false` if another replica has begun
    /// it.
    async fn follow_era(&self, bounds: TimeBounds) -> Result<bool, StoreError> {
        let next = Era::from_random(kit::random::bytes());
        let is_ours = self.store.follow_era(self.view.horizon().era, next, bounds.future).await?;
        if is_ours {
            let _ = self.view.poll_again().await;
        }
        Ok(is_ours)
    }

    async fn log(&self, repairs: bool, bounds: TimeBounds) -> Result<u64, StoreError> {
        let (mut all, mut after) = (0, -1);
        loop {
            let passed = self.store.pass_log(after, repairs, bounds).await?;
            all += passed.repaired;
            let Some(next) = passed.next else { return Ok(all) };
            after = next;
        }
    }

    async fn sessions(&self, repairs: bool, bounds: TimeBounds) -> Result<u64, StoreError> {
        let (mut all, mut after) = (0, SessionId::NIL);
        loop {
            let passed = self.store.pass_sessions(after, repairs, bounds).await?;
            all += passed.repaired;
            let Some(next) = passed.next else { return Ok(all) };
            after = next;
        }
    }
}
