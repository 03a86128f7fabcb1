//! Writes that wait together share one commit, and so one wait for the disk.
//!
//! A write of one statement has no savepoint, since SQLite undoes such a statement by itself when it breaks a constraint;
//! a write of several has one. Any other failure fails the whole group: SQLite may have rolled back everything by then,
//! savepoints included (section "Response To Errors Within A Transaction" of <https://sqlite.org/lang_transaction.html>).

use sqlx::{Executor as _, SqliteConnection};
use tokio::sync::mpsc;

use super::job::{Job, JobOutcome, WriteKind};
use crate::StoreError;

/// The most writes that share a commit: further ones gain little and wait longer.
pub(super) const MAX_GROUP_SIZE: usize = 64;

type JobReceiver = mpsc::Receiver<Box<dyn Job>>;

/// The writes of one commit.
pub(super) struct CommitGroup {
    jobs: Vec<Box<dyn Job>>,
    most: usize,
}

impl CommitGroup {
    /// The group of a first write, and of those that wait behind it.
    pub(super) fn gather(first: Box<dyn Job>, waiting: &mut JobReceiver, most: usize) -> Self {
        let mut group = Self { jobs: Vec::with_capacity(most), most };
        group.take(first);
        group.fill(waiting);
        group
    }

    /// How many writes it has.
    pub(super) fn size(&self) -> usize {
        self.jobs.len()
    }

    /// Runs the one write that there is, and nothing beside it: it needs no savepoint, and one statement is its own
    /// transaction. A lone writer pays for no more than without groups.
    ///
    /// # Errors
    /// As [`CommitGroup::commit`].
    pub(super) async fn commit_alone(&mut self, connection: &mut SqliteConnection) -> Result<(), StoreError> {
        let Some(job) = self.jobs.first_mut() else { return Ok(()) };
        let several = job.kind() == WriteKind::Several;
        if several {
            connection.execute("begin immediate").await?;
        }
        let end = match job.run(connection).await {
            JobOutcome::Failed(error) => return Err(error),
            JobOutcome::Undone => "rollback",
            JobOutcome::Done => "commit",
        };
        if several {
            connection.execute(end).await?;
        }
        Ok(())
    }

    /// Runs the writes, and those that come meanwhile, in one transaction.
    ///
    /// # Errors
    /// What the group failed with: nothing of it is written, and the connection cannot be trusted.
    pub(super) async fn commit(
        &mut self,
        connection: &mut SqliteConnection,
        waiting: &mut JobReceiver,
    ) -> Result<(), StoreError> {
        // With the write lock from its beginning: one that reads first and then finds the lock taken would be refused at
        // once instead of waiting.
        connection.execute("begin immediate").await?;
        let mut next = 0;
        while let Some(job) = self.jobs.get_mut(next) {
            run(&mut **job, connection).await?;
            next += 1;
            if next == self.jobs.len() {
                self.fill(waiting);
            }
        }
        connection.execute("commit").await?;
        Ok(())
    }

    /// Tells everybody what became of the group.
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

    fn take(&mut self, job: Box<dyn Job>) {
        if job.is_late() {
            job.answer(Err(StoreError::from(sqlx::Error::PoolTimedOut)));
        } else if !job.is_abandoned() {
            self.jobs.push(job);
        }
    }
}

async fn run(job: &mut dyn Job, connection: &mut SqliteConnection) -> Result<(), StoreError> {
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
