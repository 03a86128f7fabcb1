//! Waiting writes share one commit, so they wait for the disk only once.
//!
//! A write of one statement has no savepoint: SQLite undoes the statement by itself if it breaks a constraint. A write
//! of several statements has a savepoint. Any other failure fails the whole group: SQLite may have rolled back
//! everything by then, savepoints included (section "Response To Errors Within A Transaction" of
//! <https://sqlite.org/lang_transaction.html>).

use sqlx::{Executor as _, SqliteConnection};
use tokio::sync::mpsc;

use super::job::{JobOutcome, QueuedWrite, WriteKind};
use super::witness::{CommitWitness, CountedChanges};
use crate::StoreError;
use crate::measures::WaitMeasure;

/// Largest number of writes in one commit: more writes would gain little and wait longer.
pub(super) const MAX_GROUP_SIZE: usize = 64;

type JobReceiver = mpsc::Receiver<Box<dyn QueuedWrite>>;

/// The witness of a writer's commits, with the counted changes of its connection.
pub(super) struct WriterWitness<'w> {
    pub(super) witness: &'w CommitWitness,
    pub(super) changes: &'w mut CountedChanges,
}

/// The writes of one commit.
pub(super) struct CommitGroup<'m> {
    jobs: Vec<Box<dyn QueuedWrite>>,
    most: usize,
    waits: &'m WaitMeasure,
}

impl<'m> CommitGroup<'m> {
    /// Forms a group of a first write and the writes in the queue behind it.
    pub(super) fn gather(
        first: Box<dyn QueuedWrite>,
        waiting: &mut JobReceiver,
        most: usize,
        waits: &'m WaitMeasure,
    ) -> Self {
        let mut group = Self { jobs: Vec::with_capacity(most), most, waits };
        group.take(first);
        group.fill(waiting);
        group
    }

    /// Returns the number of writes.
    pub(super) fn size(&self) -> usize {
        self.jobs.len()
    }

    /// Runs the group's only write, without a savepoint. Without a witness, a write of one statement needs no explicit
    /// transaction either, so a single writer has no overhead from groups.
    ///
    /// # Errors
    /// The same as [`CommitGroup::commit`].
    pub(super) async fn commit_alone(
        &mut self,
        connection: &mut SqliteConnection,
        witness: Option<WriterWitness<'_>>,
    ) -> Result<(), StoreError> {
        let Some(job) = self.jobs.first_mut() else { return Ok(()) };
        let is_explicit = job.kind() == WriteKind::Several || witness.is_some();
        if is_explicit {
            connection.execute("begin immediate").await?;
        }
        match job.run(connection).await {
            JobOutcome::Failed(error) => Err(error),
            _ if !is_explicit => Ok(()),
            JobOutcome::Undone => Ok(connection.execute("rollback").await.map(drop)?),
            JobOutcome::Done => end(connection, witness).await,
        }
    }

    /// Runs the writes, and the writes that arrive meanwhile, in one transaction.
    ///
    /// # Errors
    /// The failure of the group: no write of the group is stored, and the connection is unusable.
    pub(super) async fn commit(
        &mut self,
        connection: &mut SqliteConnection,
        waiting: &mut JobReceiver,
        witness: Option<WriterWitness<'_>>,
    ) -> Result<(), StoreError> {
        // The transaction takes the write lock at its beginning. A transaction that has already read cannot wait for
        // the lock: SQLite refuses the lock at once.
        connection.execute("begin immediate").await?;
        let mut next = 0;
        while let Some(job) = self.jobs.get_mut(next) {
            run(&mut **job, connection).await?;
            next += 1;
            if next == self.jobs.len() {
                self.fill(waiting);
            }
        }
        end(connection, witness).await
    }

    /// Answers each write with the outcome of the group.
    pub(super) fn answer(self, committed: &Result<(), StoreError>) {
        for job in self.jobs {
            job.answer(committed.as_ref().copied().map_err(StoreError::for_group_member));
        }
    }

    fn fill(&mut self, waiting: &mut JobReceiver) {
        while self.jobs.len() < self.most
            && let Ok(job) = waiting.try_recv()
        {
            self.take(job);
        }
    }

    fn take(&mut self, job: Box<dyn QueuedWrite>) {
        if job.is_late() {
            self.waits.timed_out();
            job.answer(Err(StoreError::from(sqlx::Error::PoolTimedOut)));
        } else if !job.is_abandoned() {
            self.waits.ended(job.waited());
            self.jobs.push(job);
        }
    }
}

/// Commits. The witness learns the commit's number after the commit, and before any caller is answered.
async fn end(connection: &mut SqliteConnection, witness: Option<WriterWitness<'_>>) -> Result<(), StoreError> {
    let Some(WriterWitness { witness, changes }) = witness else {
        connection.execute("commit").await?;
        return Ok(());
    };
    let number = witness.count(connection, changes).await?;
    connection.execute("commit").await?;
    if let Some(number) = number {
        witness.record(number);
    }
    Ok(())
}

async fn run(job: &mut dyn QueuedWrite, connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let several = job.kind() == WriteKind::Several;
    if several {
        connection.execute("savepoint job").await?;
    }
    let ran = job.run(connection).await;
    match ran {
        JobOutcome::Failed(error) => return Err(error),
        JobOutcome::Undone if several => {
            connection.execute("rollback to job").await?;
        }
        JobOutcome::Undone | JobOutcome::Done => {}
    }
    if several {
        connection.execute("release job").await?;
    }
    Ok(())
}
