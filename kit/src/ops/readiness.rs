//! Readiness: a write to the database, shared by all concurrent probes.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::{Instant, timeout};

use super::OpsLimits;
use crate::probe::{self, Probe};

/// Write that has ended.
struct LastWrite {
    time: Instant,
    /// Line that names the fault; `None` if the write succeeded.
    problem: Option<String>,
}

/// Readiness check with the result of its last write.
pub(super) struct Readiness {
    write: Arc<Probe>,
    limit: Duration,
    fresh: Duration,
    /// `None` before the first write.
    last: Arc<Mutex<Option<LastWrite>>>,
}

impl Readiness {
    pub(super) fn new(write: Probe, limits: OpsLimits) -> Self {
        Self { write: Arc::new(write), limit: limits.write, fresh: limits.fresh, last: Arc::default() }
    }

    /// Returns the fault of a recent or new write, if there is one.
    pub(super) async fn check(&self) -> Option<String> {
        // Concurrent probes wait here for the result of the running write.
        let last = Arc::clone(&self.last).lock_owned().await;
        if let Some(last) = last.as_ref().filter(|last| last.time.elapsed() < self.fresh) {
            return last.problem.clone();
        }
        // The write runs in its own task. Otherwise clients that disconnect would cause one write each.
        let writing = tokio::spawn(write(Arc::clone(&self.write), self.limit, last));
        writing.await.unwrap_or_else(|_panic| Some("the write has failed: see the service's log".to_owned()))
    }
}

/// Writes, and keeps the result.
async fn write(write: Arc<Probe>, limit: Duration, mut last: OwnedMutexGuard<Option<LastWrite>>) -> Option<String> {
    let (problem, cause) = match timeout(limit, write()).await {
        Ok(Ok(())) => (None, String::new()),
        Ok(Err(error)) => (Some(format!("{error}: check the service's database")), probe::cause(&error)),
        Err(_elapsed) => {
            let line = format!("the database has not written within {limit:?}: check the service's database");
            (Some(line.clone()), line)
        }
    };
    let was_fine = last.as_ref().is_none_or(|last| last.problem.is_none());
    match (&problem, was_fine) {
        (Some(_), true) => tracing::warn!(cause, "the database accepts no writes: /readyz answers 503"),
        (None, false) => tracing::info!("the database accepts writes again: /readyz answers 200"),
        _ => {}
    }
    *last = Some(LastWrite { time: Instant::now(), problem: problem.clone() });
    problem
}
