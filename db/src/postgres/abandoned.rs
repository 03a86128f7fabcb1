//! Processes of the server that may still run the work of abandoned calls.
//!
//! A commit that waits for a synchronous standby goes on after its client has gone, and no timeout ends it. Its process
//! keeps one of the server's connections, so it keeps one of the pool's permits. Otherwise the pool would open another
//! connection for each such commit, until the server has no connection left. The server is asked which of these
//! processes still run.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::Error;
use tokio::sync::oneshot;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::dialer::{DialedConnection, Dialer};
use super::dials::Dials;
use super::identity::Backend;
use super::limit::limited;
use crate::error::is_answer;

/// Pause before the first poll. Most answers arrive by themselves within this time.
const FIRST_POLL_PAUSE: Duration = Duration::from_millis(200);
/// Longest pause between two polls while the server does not answer.
const MAX_POLL_PAUSE: Duration = Duration::from_millis(300);

/// Work that the server may still do for abandoned connections.
#[derive(Clone, Debug)]
pub(super) struct AbandonedWork(Arc<AbandonedInner>);

#[derive(Debug)]
struct AbandonedInner {
    dialer: Dialer,
    closing: CancellationToken,
    state: Mutex<AbandonedState>,
}

#[derive(Debug, Default)]
struct AbandonedState {
    backends: Vec<(Backend, oneshot::Sender<()>)>,
    is_polling: bool,
}

impl AbandonedWork {
    /// Creates an empty set, which polls the server through this dialer.
    pub(super) fn new(dialer: Dialer) -> Self {
        Self(Arc::new(AbandonedInner { dialer, closing: CancellationToken::new(), state: Mutex::default() }))
    }

    /// Adds a process. The receiver ends once the process runs nothing.
    pub(super) fn add(&self, backend: Backend) -> oneshot::Receiver<()> {
        let (settled, receiver) = oneshot::channel();
        let mut state = self.state();
        state.backends.push((backend, settled));
        if !state.is_polling {
            state.is_polling = true;
            let (abandoned, guard) = (self.clone(), PollGuard(self.clone()));
            tokio::spawn(async move {
                let _guard = guard;
                abandoned.0.closing.clone().run_until_cancelled(abandoned.poll_until_settled()).await
            });
        }
        receiver
    }

    /// Waits until the pools are closed.
    pub(super) async fn closing(&self) {
        self.0.closing.cancelled().await;
    }

    /// Ends the polls and all waits for their results.
    pub(super) fn close(&self) {
        self.0.closing.cancel();
    }

    async fn poll_until_settled(&self) {
        let mut poller = ProcessPoller { dials: Dials::new(self.0.dialer.clone()), kept: None };
        let mut pause = FIRST_POLL_PAUSE;
        loop {
            sleep(pause).await;
            let processes: Vec<i32> = {
                let mut state = self.state();
                state.backends.retain(|(_, settled)| !settled.is_closed());
                if state.backends.is_empty() {
                    state.is_polling = false;
                    return;
                }
                state.backends.iter().map(|(backend, _)| backend.process).collect()
            };
            let running = match poller.poll(&self.0.dialer, &processes).await {
                Ok(running) => {
                    pause = FIRST_POLL_PAUSE;
                    running
                }
                // The server does not report its processes, so only the pool limits their number.
                Err(error) if is_answer(&error) => {
                    tracing::debug!(%error, "the server does not report its running processes");
                    Vec::new()
                }
                Err(error) => {
                    tracing::debug!(%error, "no answer yet about the server's running processes");
                    pause = (pause * 2).min(MAX_POLL_PAUSE);
                    continue;
                }
            };
            // Dropping a sender notifies its receiver. Processes that were added after the poll began stay.
            let is_settled = |backend: &Backend| processes.contains(&backend.process) && !running.contains(backend);
            self.state().backends.retain(|(backend, _)| !is_settled(backend));
        }
    }

    fn state(&self) -> MutexGuard<'_, AbandonedState> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Guard of the running poll task. If the task panics, all work counts as settled: otherwise its permits would never be
/// freed.
struct PollGuard(AbandonedWork);

impl Drop for PollGuard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            *self.0.state() = AbandonedState::default();
        }
    }
}

/// Connection for the polls.
struct ProcessPoller {
    dials: Dials,
    kept: Option<DialedConnection>,
}

impl ProcessPoller {
    /// Returns the processes that are running something.
    async fn poll(&mut self, dialer: &Dialer, processes: &[i32]) -> Result<Vec<Backend>, Error> {
        const SQL: &str = "select pid, backend_start::text from pg_stat_activity \
             where pid = any($1) and coalesce(state, 'active') not in ('idle', 'disabled')";
        let mut made = match self.kept.take().filter(|made| !dialer.has_left(made)) {
            Some(made) => made,
            None => self.dials.next(dialer.times().connect()).await?,
        };
        let rows: Vec<(i32, String)> =
            limited(dialer.times().read(), sqlx::query_as(SQL).bind(processes).fetch_all(&mut made.connection)).await?;
        self.kept = Some(made);
        Ok(rows.into_iter().map(|(process, since)| Backend { process, since }).collect())
    }
}
