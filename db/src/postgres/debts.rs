//! Processes of the server that may still run what a call has given up.
//!
//! A commit that waits for a synchronous standby goes on when its client has gone, and no limit of time ends it. Its process
//! keeps one of the server's places, so it keeps one of the pool's: the pool would otherwise open another connection for
//! each such commit, until the server has none left for anybody. The server is asked which of them still run.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sqlx::Error;
use tokio::sync::oneshot;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::dialer::{Dialer, Made};
use super::dials::Dials;
use super::limit::limited;
use super::origin::Backend;
use crate::error::is_answer;

/// The pause before the first question: most answers come by themselves in that time. And the longest pause while there
/// are no answers.
const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_millis(300);

/// Work that the server may still do for connections that were given up.
#[derive(Clone, Debug)]
pub(super) struct Debts(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    dialer: Dialer,
    closing: CancellationToken,
    owed: Mutex<Owed>,
}

#[derive(Debug, Default)]
struct Owed {
    backends: Vec<(Backend, oneshot::Sender<()>)>,
    is_asking: bool,
}

impl Debts {
    /// Asks by connections of this dialer.
    pub(super) fn new(dialer: Dialer) -> Self {
        Self(Arc::new(Inner { dialer, closing: CancellationToken::new(), owed: Mutex::default() }))
    }

    /// Adds a process. The receiver ends when it runs nothing any more.
    pub(super) fn add(&self, backend: Backend) -> oneshot::Receiver<()> {
        let (settled, receiver) = oneshot::channel();
        let mut owed = self.owed();
        owed.backends.push((backend, settled));
        if !owed.is_asking {
            owed.is_asking = true;
            let debts = self.clone();
            tokio::spawn(async move { debts.0.closing.clone().run_until_cancelled(debts.ask_until_settled()).await });
        }
        receiver
    }

    /// Ends when the pools are closed.
    pub(super) async fn closing(&self) {
        self.0.closing.cancelled().await;
    }

    /// Ends the questions, and what waits for their answers.
    pub(super) fn close(&self) {
        self.0.closing.cancel();
    }

    async fn ask_until_settled(&self) {
        let mut asker = Asker { dials: Dials::new(self.0.dialer.clone()), kept: None };
        let mut pause = FIRST;
        loop {
            sleep(pause).await;
            let processes: Vec<i32> = {
                let mut owed = self.owed();
                owed.backends.retain(|(_, settled)| !settled.is_closed());
                if owed.backends.is_empty() {
                    owed.is_asking = false;
                    return;
                }
                owed.backends.iter().map(|(backend, _)| backend.process).collect()
            };
            let running = match asker.ask(&self.0.dialer, &processes).await {
                Ok(running) => {
                    pause = FIRST;
                    running
                }
                // The server does not say: the bound is the pool's alone.
                Err(error) if is_answer(&error) => {
                    tracing::debug!(%error, "the server does not tell which of its processes run");
                    Vec::new()
                }
                Err(error) => {
                    tracing::debug!(%error, "no answer yet to which of the server's processes run");
                    pause = (pause * 2).min(LONGEST);
                    continue;
                }
            };
            // Dropped senders tell their receivers. What was added since was not asked about.
            let is_settled = |backend: &Backend| processes.contains(&backend.process) && !running.contains(backend);
            self.owed().backends.retain(|(backend, _)| !is_settled(backend));
        }
    }

    fn owed(&self) -> MutexGuard<'_, Owed> {
        self.0.owed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The connection by which the server is asked.
struct Asker {
    dials: Dials,
    kept: Option<Made>,
}

impl Asker {
    /// Returns those of the processes that run something.
    async fn ask(&mut self, dialer: &Dialer, processes: &[i32]) -> Result<Vec<Backend>, Error> {
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
