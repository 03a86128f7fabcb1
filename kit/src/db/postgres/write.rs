//! Writes: one statement that commits by itself, or a transaction; each knows whether its commit was answered.

use futures_util::future::BoxFuture;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::{Query, QueryAs};
use sqlx::{Executor as _, FromRow, Postgres as Driver};

use super::Postgres;
use super::lease::limited;
use crate::db::error::{Fate, fate};
use crate::db::{StoreError, Tx, Verdict};

impl Postgres {
    /// Runs a statement that writes: how many rows it has written.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is written, save with [`StoreError::Unknown`].
    pub async fn write(&self, statement: Query<'static, Driver, PgArguments>) -> Result<u64, StoreError> {
        let mut lease = self.lease_writer().await?;
        // Alone, a statement is its own commit.
        let written = limited(self.times.write(), lease.connection().execute(statement)).await;
        Ok(lease.ended(written).map_err(StoreError::of_a_commit)?.rows_affected())
    }

    /// Runs a statement that writes and returns at most one row.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is written, save with [`StoreError::Unknown`].
    pub async fn write_one<T>(&self, statement: QueryAs<'_, Driver, T, PgArguments>) -> Result<Option<T>, StoreError>
    where
        T: Send + Unpin + for<'r> FromRow<'r, PgRow>,
    {
        let mut lease = self.lease_writer().await?;
        // All of its answer is read: behind the row stands whether it was committed.
        let written = limited(self.times.write(), statement.fetch_all(lease.connection())).await;
        Ok(lease.ended(written).map_err(StoreError::of_a_commit)?.pop())
    }

    pub(in crate::db) async fn transaction<I, T, F>(&self, input: &I, work: F) -> Result<T, StoreError>
    where
        F: for<'t> Fn(Tx<'t>, &'t I) -> BoxFuture<'t, Result<Verdict<T>, sqlx::Error>>,
    {
        let mut tries = self.writes();
        loop {
            let ended = self.transaction_once(input, &work).await;
            if !tries.once_more(&ended).await {
                return ended;
            }
        }
    }

    async fn transaction_once<I, T, F>(&self, input: &I, work: &F) -> Result<T, StoreError>
    where
        F: for<'t> Fn(Tx<'t>, &'t I) -> BoxFuture<'t, Result<Verdict<T>, sqlx::Error>>,
    {
        let mut lease = self.lease_writer().await?;
        lease.begins();
        let worked = limited(self.times.work(), async {
            let connection = lease.connection();
            connection.execute("begin").await?;
            work(Tx::Postgres(connection), input).await
        });
        let verdict = match worked.await {
            Ok(verdict) => verdict,
            Err(error) => {
                // The transaction may be open: it is undone by a word, or with the connection.
                if fate(&error) == Fate::Serves {
                    let undone = limited(self.times.write(), lease.connection().execute("rollback")).await;
                    // What the work failed with says more.
                    let _ = lease.ended(undone);
                    return Err(error.into());
                }
                return Ok(lease.ended(Err(error))?);
            }
        };
        match verdict {
            Verdict::Commit(answer) => {
                lease.commits();
                let committed = limited(self.times.write(), lease.connection().execute("commit")).await;
                lease.ended(committed).map_err(StoreError::of_a_commit)?;
                Ok(answer)
            }
            Verdict::Undo(answer) => {
                let undone = limited(self.times.write(), lease.connection().execute("rollback")).await;
                lease.ended(undone)?;
                Ok(answer)
            }
        }
    }
}
