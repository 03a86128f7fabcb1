//! Repairs times that a wrong clock has written: at the start, and in the background.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use db::requests;
use kit::Clock;
use uuid::Uuid;

use crate::domain::{Allowance, AttemptLimits, Era, Lifetimes};
use crate::repaired::{Repaired, future};
use crate::stamp::stamp;
use crate::store::{AllowanceKind, Store, StoreError, TimeBounds};
use crate::view::View;

/// A clock that is further back than this has not been set at all, and repairs nothing: 2025-01-01.
const FLOOR: i64 = 1_735_689_600;

/// Cuts stored times that have not come to the present.
pub(crate) struct Repair {
    pub(crate) store: Store,
    pub(crate) view: Arc<View>,
    pub(crate) clock: Clock,
    /// The greatest difference between clocks.
    pub(crate) leeway: TimeDelta,
    pub(crate) lifetimes: Lifetimes,
    pub(crate) limits: AttemptLimits,
    pub(crate) count: Repaired,
}

impl Repair {
    /// Lowers a horizon that has not come: until then every new token would be refused. A horizon says that all earlier tokens
    /// are dead, which another era says as well. Returns true if it was lowered; then the view is to look at it.
    ///
    /// # Errors
    /// [`StoreError`]; then the horizon is as it was.
    pub(crate) async fn horizon(&self) -> Result<bool, StoreError> {
        let (now, until) = (self.clock.now(), self.view.horizon().until);
        // A replica that is behind must not take every horizon for one that has not come.
        let future = future(self.clock.latest(), self.leeway);
        if until <= future || now.timestamp() < FLOOR {
            return Ok(false);
        }
        let lowered = self.store.lower_horizon(future, stamp(now)).await?.is_some();
        if lowered {
            self.count.add(1);
            tracing::warn!(
                %until,
                "the log's horizon had not come: it was set under a wrong clock, and every token that was issued until now is \
                 refused in its place"
            );
        }
        Ok(lowered)
    }

    /// Repairs all tables. With `stepped` the clock has been ahead in any case, and tokens of times to come may be about.
    ///
    /// # Errors
    /// [`StoreError`]; then the rest is repaired another time.
    pub(crate) async fn tables(&self, stepped: bool) -> Result<(), StoreError> {
        let now = self.clock.now();
        if now.timestamp() < FLOOR {
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
        // After a step back, uses beyond an allowance cannot be told from a time of the wrong clock: they are forgiven.
        let latest = |allowance: Allowance| {
            if stepped { allowance.used_up(now) } else { allowance.latest(now, bounds.future - now) }
        };
        let full = full.map(|(kind, allowance)| (kind, latest(allowance)));
        // Their count stays. It bars no caller now, as before.
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
                "rows had times that have not come, written under a wrong clock: they are cut to the present"
            );
        }
        Ok(())
    }

    fn bounds(&self, now: DateTime<Utc>) -> TimeBounds {
        let delta = |duration| TimeDelta::from_std(duration).unwrap_or_default();
        let Lifetimes { idle, access, session } = self.lifetimes;
        TimeBounds { now, future: future(now, self.leeway), session: delta(session), idle: delta(idle.max(access)) }
    }

    /// Begins another era, in which tokens of times to come are dead. Returns `false` if another replica does so now.
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
        let (mut all, mut after) = (0, Uuid::nil());
        loop {
            let passed = self.store.pass_sessions(after, repairs, bounds).await?;
            all += passed.repaired;
            let Some(next) = passed.next else { return Ok(all) };
            after = next;
        }
    }
}
