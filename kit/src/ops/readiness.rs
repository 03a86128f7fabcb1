//! Whether the database takes writes: found out by writing, once for all who ask at a time.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::{Instant, timeout};

use super::OpsLimits;
use crate::probe::{self, Probe};

/// What the last write has come to: the line that says what is wrong, if anything is.
type Problem = Option<String>;

/// The write, and what it came to the last time.
pub(super) struct Readiness {
    write: Arc<Probe>,
    limit: Duration,
    fresh: Duration,
    last: Arc<Mutex<Option<(Instant, Problem)>>>,
}

impl Readiness {
    pub(super) fn new(write: Probe, limits: OpsLimits) -> Self {
        Self { write: Arc::new(write), limit: limits.write, fresh: limits.fresh, last: Arc::default() }
    }

    /// What is wrong, if anything is.
    pub(super) async fn look(&self) -> Problem {
        // Whoever comes while another writes waits here for what comes of it.
        let last = Arc::clone(&self.last).lock_owned().await;
        if let Some((_, outcome)) = last.as_ref().filter(|(time, _)| time.elapsed() < self.fresh) {
            return outcome.clone();
        }
        // A task of its own: clients that ask and go would otherwise make it write again and again.
        let writing = tokio::spawn(write(Arc::clone(&self.write), self.limit, last));
        writing.await.unwrap_or_else(|_panic| Some("the write has failed: see the service's log".to_owned()))
    }
}

/// Writes, and keeps what has come of it.
async fn write(write: Arc<Probe>, limit: Duration, mut last: OwnedMutexGuard<Option<(Instant, Problem)>>) -> Problem {
    let (outcome, cause) = match timeout(limit, write()).await {
        Ok(Ok(())) => (None, String::new()),
        Ok(Err(error)) => (Some(format!("{error}: see to the service's database")), probe::cause(&error)),
        Err(_elapsed) => {
            let line = format!("the database has not written within {limit:?}: see to the service's database");
            (Some(line.clone()), line)
        }
    };
    let was_fine = last.as_ref().is_none_or(|(_, outcome)| outcome.is_none());
    match (&outcome, was_fine) {
        (Some(_), true) => tracing::warn!(cause, "the database takes no writes: /readyz says so"),
        (None, false) => tracing::info!("the database takes writes again: /readyz says so"),
        _ => {}
    }
    *last = Some((Instant::now(), outcome.clone()));
    outcome
}
