//! Takes out of the database what is over, in the background and a few rows at a time; and repairs what a wrong clock has written.

mod repair;

use std::time::Duration;

use db::clock::measure;
use kit::shutdown::Shutdown;
use tokio::time::{Instant, sleep};

pub(crate) use repair::Repair;

use crate::repaired::future;
use crate::store::StoreError;
use crate::view::REVOCATION_RETENTION;

/// How often it is looked for.
const EVERY: Duration = Duration::from_mins(1);

/// The pause between two looks at the horizon: while it has not come, no user gets a token.
const HORIZON: Duration = Duration::from_secs(1);

/// The pause between two looks through all rows.
const THOROUGH: Duration = Duration::from_hours(1);

/// The results of the last sweeps.
#[derive(Default)]
struct Sweeper {
    /// When all rows were last looked through.
    thorough: Option<Instant>,
    /// Steps back of the clock that have been seen to.
    steps_back: u64,
    /// Set once the log has said that sweeping waits.
    waits: bool,
}

/// Sweeps again and again until it is told to stop.
pub(crate) async fn sweep(repair: Repair, stop: Shutdown) {
    let sweeping = async {
        let mut sweeper = Sweeper::default();
        loop {
            if let Err(error) = sweeper.sweep_once(&repair).await {
                tracing::warn!(%error, "what is over stays in the database for now");
            }
            let next = Instant::now() + EVERY;
            while Instant::now() < next {
                sleep(HORIZON).await;
                match repair.horizon().await {
                    // The next look is soon enough where this one fails.
                    Ok(true) => drop(repair.view.poll_again().await),
                    Ok(false) => {}
                    Err(error) => tracing::warn!(%error, "the log's horizon has not come, and stays for now"),
                }
            }
        }
    };
    let stopped: Option<std::convert::Infallible> = stop.run_until_cancelled(Box::pin(sweeping)).await;
    if let Some(never) = stopped {
        match never {}
    }
}

impl Sweeper {
    /// Sweeps until nothing is left that is over. Between two batches others have their turn.
    async fn sweep_once(&mut self, repair: &Repair) -> Result<(), StoreError> {
        let Repair { store, clock, leeway, .. } = repair;
        measure(store.db(), clock).await?;
        while self.is_trusted(repair) && store.sweep_sessions(clock.now()).await? > 0 {}
        while self.is_trusted(repair) && store.prune_log(clock.now() - REVOCATION_RETENTION).await? > 0 {}
        if clock.may_repair(*leeway) { self.repair(repair).await } else { Ok(()) }
    }

    async fn repair(&mut self, repair: &Repair) -> Result<(), StoreError> {
        let steps_back = repair.clock.steps_back();
        let stepped = steps_back > self.steps_back;
        let is_due = self.thorough.is_none_or(|last| last.elapsed() >= THOROUGH);
        if stepped || is_due || repair.store.is_pruning_barred(future(repair.clock.now(), repair.leeway)).await? {
            repair.tables(stepped).await?;
            (self.thorough, self.steps_back) = (Some(Instant::now()), steps_back);
        }
        Ok(())
    }

    /// Returns true if the clock may delete. One that may not is logged once.
    fn is_trusted(&mut self, Repair { clock, leeway, .. }: &Repair) -> bool {
        match clock.check_trusted(*leeway) {
            Ok(()) => {
                if self.waits {
                    tracing::info!("sweeping and pruning go on");
                }
                self.waits = false;
            }
            Err(doubt) => {
                if !self.waits {
                    tracing::info!("nothing is swept or pruned for now: {doubt}");
                }
                self.waits = true;
            }
        }
        !self.waits
    }
}

#[cfg(test)]
mod tests;
