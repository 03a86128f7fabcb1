//! The only connection that writes, and its queue.

use std::fmt;
use std::sync::{Arc, OnceLock};

use futures_util::future::BoxFuture;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::group::{CommitGroup, WriterWitness};
use super::job::{QueuedWrite, WriteJob};
use super::measure::WriterMeasure;
use super::witness::{CommitWitness, CountedChanges};
use crate::{StoreError, TransactionOutcome};

/// Place of the witness; empty for a database without one, or with unknown losses.
pub(super) type WitnessPlace = Arc<OnceLock<CommitWitness>>;

/// Largest number of queued writes; more writes wait for a place.
const MAX_QUEUED_WRITES: usize = 1024;

/// A handle that passes writes to the task with the connection.
#[derive(Clone)]
pub(super) struct SqliteWriter {
    queue: mpsc::Sender<Box<dyn QueuedWrite>>,
    measure: Arc<WriterMeasure>,
    stop: CancellationToken,
    /// Canceled once the task's connection is closed.
    ended: CancellationToken,
}

impl fmt::Debug for SqliteWriter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SqliteWriter").finish_non_exhaustive()
    }
}

impl SqliteWriter {
    /// Starts the task, which ends after [`SqliteWriter::close`] or with the last handle.
    pub(super) fn start(options: SqliteConnectOptions, most: usize, witness: WitnessPlace) -> Self {
        let (queue, waiting) = mpsc::channel(MAX_QUEUED_WRITES);
        let (stop, ended) = (CancellationToken::new(), CancellationToken::new());
        let measure = Arc::<WriterMeasure>::default();
        let task = WriterTask {
            options,
            connection: None,
            changes: CountedChanges::default(),
            waiting,
            measure: Arc::clone(&measure),
            stop: stop.clone(),
            most,
            was_shared: false,
            witness,
        };
        let end = ended.clone().drop_guard();
        tokio::spawn(async move {
            task.serve().await;
            drop(end);
        });
        Self { queue, measure, stop, ended }
    }

    /// Returns the measures of the task.
    pub(super) fn measure(&self) -> &WriterMeasure {
        &self.measure
    }

    /// Returns the number of queued writes.
    pub(super) fn waiting(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }

    /// Waits until the write is committed or has failed. Skips a write if its caller leaves before its turn.
    pub(super) async fn run<W, T>(&self, mut write: WriteJob<W, T>) -> Result<T, StoreError>
    where
        W: for<'c> FnOnce(&'c mut SqliteConnection) -> BoxFuture<'c, Result<TransactionOutcome<T>, sqlx::Error>>
            + Send
            + 'static,
        T: Send + 'static,
    {
        let answer = write.reply();
        self.queue.send(Box::new(write)).await.map_err(|_| sqlx::Error::PoolClosed)?;
        answer.await.map_err(|_| sqlx::Error::WorkerCrashed)?
    }

    /// Waits until the task has panicked: it has ended although the database is not closed.
    pub(super) async fn died(&self) {
        self.ended.cancelled().await;
        if self.stop.is_cancelled() {
            std::future::pending::<()>().await;
        }
    }

    /// Refuses further writes, commits the waiting writes, and closes the connection.
    pub(super) async fn close(&self) {
        self.stop.cancel();
        self.ended.cancelled().await;
    }
}

/// The task that writes.
struct WriterTask {
    options: SqliteConnectOptions,
    /// The open connection; absent before the first write and after a failed one.
    connection: Option<SqliteConnection>,
    /// Counted changes of this connection.
    changes: CountedChanges,
    waiting: mpsc::Receiver<Box<dyn QueuedWrite>>,
    measure: Arc<WriterMeasure>,
    stop: CancellationToken,
    most: usize,
    /// Set if the last write shared its commit. The same callers will soon write again, so the next write will share
    /// its commit too.
    was_shared: bool,
    witness: WitnessPlace,
}

impl WriterTask {
    async fn serve(mut self) {
        while let Some(first) = self.next().await {
            let measure = Arc::clone(&self.measure);
            let mut group = CommitGroup::gather(first, &mut self.waiting, self.most, &measure.waits);
            if group.size() == 0 {
                continue;
            }
            let begun = Instant::now();
            let committed = self.commit(&mut group).await;
            measure.commits.record_time(begun.elapsed());
            measure.group_sizes.record(u64::try_from(group.size()).unwrap_or(u64::MAX));
            if committed.is_err() {
                // Dropping the connection closes it and so rolls back the rest of the transaction. The driver and
                // SQLite may disagree about the transaction by now.
                self.connection = None;
            }
            group.answer(&committed);
        }
        let witness = self.witness.get();
        if witness.is_some() && self.connection.is_none() {
            self.connection = self.options.connect().await.ok();
        }
        if let Some(mut connection) = self.connection.take() {
            if let Some(witness) = witness {
                // Without the mark the next start takes this stop for a crash, and compares the witness.
                let _ = witness.end(&mut connection).await;
            }
            let _ = connection.close().await;
        }
    }

    async fn next(&mut self) -> Option<Box<dyn QueuedWrite>> {
        tokio::select! {
            biased;
            job = self.waiting.recv() => job,
            () = self.stop.cancelled() => {
                self.waiting.close();
                self.waiting.recv().await
            }
        }
    }

    async fn commit(&mut self, group: &mut CommitGroup<'_>) -> Result<(), StoreError> {
        if self.connection.is_none() {
            self.connection = Some(self.options.connect().await?);
            self.changes = CountedChanges::default();
        }
        let Some(connection) = &mut self.connection else { return Ok(()) };
        let changes = &mut self.changes;
        let witness = self.witness.get().map(|witness| WriterWitness { witness, changes });
        if group.size() == 1 && !self.was_shared {
            return group.commit_alone(connection, witness).await;
        }
        let committed = group.commit(connection, &mut self.waiting, witness).await;
        self.was_shared = group.size() > 1;
        committed
    }
}

#[cfg(test)]
mod tests {
    use super::super::job::WriteKind;
    use super::*;

    #[tokio::test]
    async fn panic_of_a_write_is_the_death_of_the_writer() {
        let writer = SqliteWriter::start(SqliteConnectOptions::new().in_memory(true), 1, WitnessPlace::default());
        let write = |panics: bool| {
            writer.run(WriteJob::new(WriteKind::OneStatement, move |_| {
                Box::pin(async move {
                    assert!(!panics, "a panic for the test");
                    Ok(TransactionOutcome::Commit(()))
                })
            }))
        };
        write(false).await.unwrap();
        write(true).await.unwrap_err();
        writer.died().await;
        write(false).await.unwrap_err();
        writer.close().await;
    }
}
