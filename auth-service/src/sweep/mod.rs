//! Deletes expired rows in the background, a few at a time, and repairs times that a wrong clock has written.

mod audit;
mod repair;

use std::time::Duration;

use db::clock::measure;
use kit::clock::Doubt;
use kit::shutdown::Shutdown;
use tokio::time::{Instant, sleep};

pub(crate) use audit::AuditSweep;
pub(crate) use repair::Repair;

use crate::app::ApiKeyUses;
use crate::domain::API_KEY_RETENTION;
use crate::repaired::latest_plausible_time;
use crate::stamp::stamp;
use crate::store::StoreError;
use crate::view::REVOCATION_RETENTION;

/// Time between two sweeps.
const SWEEP_INTERVAL: Duration = Duration::from_mins(1);

/// Time between two checks of the horizon: with a horizon in the future no user gets a token.
const HORIZON_CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Time between two searches of all rows for wrong times.
const FULL_REPAIR_INTERVAL: Duration = Duration::from_hours(1);

/// State between two sweeps.
#[derive(Default)]
struct Sweeper {
    /// Time of the last search of all rows.
    thorough: Option<Instant>,
    /// Number of the clock's steps back that have been handled.
    steps_back: u64,
    /// Set once the pause of the sweeps has been logged.
    waits: bool,
}

/// Sweeps at each interval until `stop`.
pub(crate) async fn sweep(repair: Repair, audit: AuditSweep, uses: &ApiKeyUses, stop: Shutdown) {
    let sweeping = async {
        let mut sweeper = Sweeper::default();
        loop {
            if let Err(error) = sweeper.sweep_once(&repair).await {
                tracing::warn!(%error, "sweep failed: expired rows stay for now");
            }
            if let Err(error) = sweeper.sweep_audit(&repair, &audit).await {
                tracing::warn!(%error, "sweep of the audit log failed: it is repeated in a minute");
            }
            if let Err(error) = uses.flush(&repair.store, repair.clock.now()).await {
                tracing::warn!(%error, "uses of API keys not stored: they are stored in a minute");
            }
            let next = Instant::now() + SWEEP_INTERVAL;
            while Instant::now() < next {
                sleep(HORIZON_CHECK_INTERVAL).await;
                match repair.horizon().await {
                    // If this poll fails, the next regular poll reads the change.
                    Ok(true) => drop(repair.view.poll_again().await),
                    Ok(false) => {}
                    Err(error) => tracing::warn!(%error, "horizon in the future not repaired for now"),
                }
            }
        }
    };
    let stopped: Option<std::convert::Infallible> = stop.run_until_cancelled(Box::pin(sweeping)).await;
    if let Some(never) = stopped {
        match never {}
    }
    if let Err(error) = uses.flush(&repair.store, repair.clock.now()).await {
        tracing::warn!(%error, "uses of API keys in the last minute not stored");
    }
}

impl Sweeper {
    /// Deletes all expired rows, in batches, so that other writes run in between.
    async fn sweep_once(&mut self, repair: &Repair) -> Result<(), StoreError> {
        let Repair { store, clock, leeway, .. } = repair;
        measure(store.db(), clock).await?;
        while self.is_trusted(repair) && store.sweep_sessions(clock.now()).await? > 0 {}
        while self.is_trusted(repair) && store.sweep_password_resets(clock.now()).await? > 0 {}
        let over = || clock.now() - API_KEY_RETENTION;
        while self.is_trusted(repair) && store.sweep_api_keys(over(), || stamp(clock.now())).await? > 0 {}
        while self.is_trusted(repair) && store.prune_log(clock.now() - REVOCATION_RETENTION).await? > 0 {}
        if clock.may_repair(*leeway) { self.repair(repair).await } else { Ok(()) }
    }

    /// Erases deleted users from the audit log, and deletes its oldest events, in batches.
    async fn sweep_audit(&mut self, repair: &Repair, audit: &AuditSweep) -> Result<(), StoreError> {
        let Repair { store, clock, .. } = repair;
        audit.erase(store, clock.now()).await?;
        while store.place_audit_events().await? > 0 {}
        while self.is_trusted(repair) && audit.expire(store, clock.now()).await? > 0 {}
        audit.shrink(store).await
    }

    async fn repair(&mut self, repair: &Repair) -> Result<(), StoreError> {
        let steps_back = repair.clock.steps_back();
        let stepped = steps_back > self.steps_back;
        let is_due = self.thorough.is_none_or(|last| last.elapsed() >= FULL_REPAIR_INTERVAL);
        if stepped
            || is_due
            || repair.store.is_pruning_barred(latest_plausible_time(repair.clock.now(), repair.leeway)).await?
        {
            repair.tables(stepped).await?;
            (self.thorough, self.steps_back) = (Some(Instant::now()), steps_back);
        }
        Ok(())
    }

    /// Returns `true` if the clock is trusted to delete rows. Logs each change.
    fn is_trusted(&mut self, Repair { clock, leeway, .. }: &Repair) -> bool {
        match clock.check_trusted(*leeway) {
            Ok(()) => {
                if self.waits {
                    tracing::info!("sweeping and pruning resumed");
                }
                self.waits = false;
            }
            Err(doubt) => {
                match doubt {
                    _ if self.waits => (),
                    Doubt::Unsettled => {
                        tracing::info!("sweeping and pruning begin within 10 minutes, once the clock is confirmed");
                    }
                    Doubt::Disagrees(_) => tracing::info!("sweeping and pruning paused: {doubt}"),
                }
                self.waits = true;
            }
        }
        !self.waits
    }
}

#[cfg(test)]
mod tests;
