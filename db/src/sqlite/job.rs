//! One write that waits for the writer: its work, and whoever waits for its answer.

use futures_util::future::BoxFuture;
use sqlx::SqliteConnection;
use tokio::sync::oneshot;
use tokio::time::{Duration, Instant};

use crate::error::is_constraint;
use crate::{StoreError, TransactionOutcome};

/// How long a write waits for its turn: below the deadline of every RPC that writes.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(2);

/// Whether SQLite undoes the work by itself when it fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WriteKind {
    /// It does: a statement that fails on a constraint writes nothing.
    OneStatement,
    /// It needs a savepoint.
    Several,
}

/// What became of a write's work, before the commit.
pub(super) enum JobOutcome {
    /// It stands.
    Done,
    /// It is to be undone, alone.
    Undone,
    /// The connection cannot be trusted any more.
    Failed(StoreError),
}

/// A write in the queue, whatever it answers.
pub(super) trait Job: Send {
    fn kind(&self) -> WriteKind;

    /// Whether nobody waits for it any longer.
    fn is_abandoned(&self) -> bool;

    /// Whether it has waited for too long.
    fn is_late(&self) -> bool;

    fn run<'c>(&'c mut self, connection: &'c mut SqliteConnection) -> BoxFuture<'c, JobOutcome>;

    /// Answers: with what the work came to, now that the commit has succeeded, or with the failure.
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

/// A write whose work answers `T`.
pub(super) struct WriteJob<W, T> {
    kind: WriteKind,
    since: Instant,
    work: Option<W>,
    result: Option<Result<T, StoreError>>,
    reply: Option<oneshot::Sender<Result<T, StoreError>>>,
}

impl<W, T> WriteJob<W, T>
where
    W: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<TransactionOutcome<T>, sqlx::Error>> + Send,
    T: Send,
{
    pub(super) fn new(kind: WriteKind, work: W) -> Self {
        Self { kind, since: Instant::now(), work: Some(work), result: None, reply: None }
    }

    /// Where the answer will come.
    pub(super) fn reply(&mut self) -> oneshot::Receiver<Result<T, StoreError>> {
        let (reply, answer) = oneshot::channel();
        self.reply = Some(reply);
        answer
    }
}

impl<W, T> Job for WriteJob<W, T>
where
    W: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<TransactionOutcome<T>, sqlx::Error>> + Send,
    T: Send,
{
    fn kind(&self) -> WriteKind {
        self.kind
    }

    fn is_abandoned(&self) -> bool {
        self.reply.as_ref().is_none_or(oneshot::Sender::is_closed)
    }

    fn is_late(&self) -> bool {
        self.since.elapsed() > QUEUE_TIMEOUT
    }

    fn run<'c>(&'c mut self, connection: &'c mut SqliteConnection) -> BoxFuture<'c, JobOutcome> {
        Box::pin(async move {
            let Some(work) = self.work.take() else { return JobOutcome::Undone };
            let worked = match work(&mut *connection).await {
                Ok(TransactionOutcome::Commit(answer)) => Ok((answer, JobOutcome::Done)),
                Ok(TransactionOutcome::CommitWith(closing)) => {
                    closing.run(connection).await.map(|answer| (answer, JobOutcome::Done))
                }
                Ok(TransactionOutcome::Undo(answer)) => Ok((answer, JobOutcome::Undone)),
                Err(error) => Err(error),
            };
            let (result, ran) = match worked {
                Ok((answer, ran)) => (Ok(answer), ran),
                Err(error) => {
                    let refused = is_constraint(&error);
                    let error = StoreError::from(error);
                    (Err(error.clone()), if refused { JobOutcome::Undone } else { JobOutcome::Failed(error) })
                }
            };
            self.result = Some(result);
            ran
        })
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        let Some(reply) = self.reply else { return };
        let answer = match (committed, self.result) {
            (Ok(()), Some(result)) => result,
            (Ok(()), None) => Err(StoreError::from(sqlx::Error::WorkerCrashed)),
            // Its own failure says more than that of the whole group.
            (Err(_), Some(Err(own @ (StoreError::Fault(_) | StoreError::Full)))) => Err(own),
            (Err(failure), _) => Err(failure),
        };
        // Whoever has waited may have gone; what is written stands all the same.
        let _ = reply.send(answer);
    }
}
