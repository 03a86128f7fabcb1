//! Takes out of the database what is over, in the background and a few rows at a time.

use std::time::Duration;

use kit::Clock;
use kit::shutdown::Shutdown;
use tokio::time::sleep;

use crate::store::{Store, StoreError};
use crate::view::KEEP;

/// How often it is looked for.
const EVERY: Duration = Duration::from_mins(1);

/// Sweeps again and again until it is told to stop.
pub(crate) async fn sweep(store: Store, clock: Clock, stop: Shutdown) {
    let sweeping = async {
        loop {
            if let Err(error) = sweep_once(&store, &clock).await {
                tracing::warn!(%error, "what is over stays in the database for now");
            }
            sleep(EVERY).await;
        }
    };
    let stopped: Option<std::convert::Infallible> = stop.run_until_cancelled(sweeping).await;
    if let Some(never) = stopped {
        match never {}
    }
}

/// Sweeps until nothing is left that is over. Between two batches others have their turn.
async fn sweep_once(store: &Store, clock: &Clock) -> Result<(), StoreError> {
    while store.sweep_sessions(clock.now()).await? > 0 {}
    while store.prune_log(clock.now() - KEEP).await? > 0 {}
    Ok(())
}
