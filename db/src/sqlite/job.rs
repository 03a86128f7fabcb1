//! One write in the writer's queue: its work, and the channel for its answer.

use futures_util::future::BoxFuture;
use sqlx::SqliteConnection;
use tokio::sync::oneshot;
use tokio::time::{Duration, Instant};

use crate::error::is_constraint;
use crate::{StoreError, TransactionOutcome};

/// Longest wait of a write for its turn: below the deadline of every RPC that writes.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(2);

/// Value that a write gives up after its commit and before its acknowledgment. The write also gives it up if it fails or
/// is never run.
pub type HeldByWrite = Option<Box<dyn Send>>;

/// Number of statements in a write. The number decides whether the write needs a savepoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WriteKind {
    /// One statement: SQLite undoes it by itself if it fails on a constraint.
    OneStatement,
    /// Several statements, which need a savepoint.
    Several,
}

/// Outcome of a write's work, before the commit.
pub(super) enum JobOutcome {
    /// The work is ready for the commit.
    Done,
    /// The work must be undone. The rest of its group can still be committed.
    Undone,
    /// The connection is unusable.
    Failed(StoreError),
}

/// A write in the queue, with an answer of any type.
pub(super) trait QueuedWrite: Send {
    fn kind(&self) -> WriteKind;

    /// Returns true if the caller no longer waits.
    fn is_abandoned(&self) -> bool;

    /// Returns the time since the write was queued.
    fn waited(&self) -> Duration;

    /// Returns true if the write has waited for too long.
    fn is_late(&self) -> bool {
        self.waited() > QUEUE_TIMEOUT
    }

    fn run<'c>(&'c mut self, connection: &'c mut SqliteConnection) -> BoxFuture<'c, JobOutcome>;

    /// Sends the caller the result of the work, or the error if the commit failed.
    fn answer(self: Box<Self>, committed: Result<(), StoreError>);
}

/// A write with an answer of type `T`.
pub(super) struct WriteJob<W, T> {
    kind: WriteKind,
    since: Instant,
    work: Option<W>,
    result: Option<Result<T, StoreError>>,
    reply: Option<oneshot::Sender<Result<T, StoreError>>>,
    held: HeldByWrite,
}

impl<W, T> WriteJob<W, T>
where
    W: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<TransactionOutcome<T>, sqlx::Error>> + Send,
    T: Send,
{
    pub(super) fn new(kind: WriteKind, work: W) -> Self {
        Self { kind, since: Instant::now(), work: Some(work), result: None, reply: None, held: None }
    }

    /// Gives this value up before the write is acknowledged.
    pub(super) fn holding(self, held: HeldByWrite) -> Self {
        Self { held, ..self }
    }

    /// Returns the receiver of the answer.
    pub(super) fn reply(&mut self) -> oneshot::Receiver<Result<T, StoreError>> {
        let (reply, answer) = oneshot::channel();
        self.reply = Some(reply);
        answer
    }
}

impl<W, T> QueuedWrite for WriteJob<W, T>
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

    fn waited(&self) -> Duration {
        self.since.elapsed()
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
            let (result, outcome) = match worked {
                Ok((answer, outcome)) => (Ok(answer), outcome),
                Err(error) => {
                    let refused = is_constraint(&error);
                    let error = StoreError::from(error);
                    (Err(error.clone()), if refused { JobOutcome::Undone } else { JobOutcome::Failed(error) })
                }
            };
            self.result = Some(result);
            outcome
        })
    }

    fn answer(self: Box<Self>, committed: Result<(), StoreError>) {
        let Some(reply) = self.reply else { return };
        let answer = match (committed, self.result) {
            (Ok(()), Some(result)) => result,
            (Ok(()), None) => Err(StoreError::from(sqlx::Error::WorkerCrashed)),
            // The write's own failure says more than the failure of the whole group.
            (Err(_), Some(Err(own @ (StoreError::Fault(_) | StoreError::Full)))) => Err(own),
            (Err(failure), _) => Err(failure),
        };
        drop(self.held);
        // The caller may have gone; the write stays committed.
        let _ = reply.send(answer);
    }
}
