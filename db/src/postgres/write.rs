//! Writes: one statement that commits by itself, or a transaction. Each write reports if its commit was not answered.

use std::convert::Infallible;
use std::time::Duration;

use futures_util::future::BoxFuture;
use kit::outcome;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::{Query, QueryAs};
use sqlx::{AssertSqlSafe, Executor as _, FromRow, PgConnection, Postgres as Driver, Row as _, raw_sql};

use super::Postgres;
use super::lease::Lease;
use super::limit::limited;
use crate::closing::message;
use crate::error::{ConnectionFate, connection_fate, is_broken};
use crate::measures::WorkKind;
use crate::{SqlStatement, StoreError, TransactionOutcome, Tx};

impl Postgres {
    /// Runs a statement that writes, and returns the number of rows written.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is written, except with [`StoreError::Unknown`].
    pub async fn write(&self, statement: Query<'static, Driver, PgArguments>) -> Result<u64, StoreError> {
        let write = async {
            let mut lease = self.lease_writer().await?;
            // A single statement is its own commit.
            let written = await_commit(self.times.write(), lease.connection().execute(statement)).await;
            Ok(lease.end(written).map_err(StoreError::from_commit)?.rows_affected())
        };
        self.work().measure(WorkKind::Write, write).await
    }

    /// Runs a statement that writes and returns at most one row.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is written, except with [`StoreError::Unknown`].
    pub async fn write_one<T>(&self, statement: QueryAs<'_, Driver, T, PgArguments>) -> Result<Option<T>, StoreError>
    where
        T: Send + Unpin + for<'r> FromRow<'r, PgRow>,
    {
        let write = async {
            let mut lease = self.lease_writer().await?;
            // The whole answer is read: the result of the commit follows the row.
            let written = await_commit(self.times.write(), statement.fetch_all(lease.connection())).await;
            Ok(lease.end(written).map_err(StoreError::from_commit)?.pop())
        };
        self.work().measure(WorkKind::Write, write).await
    }

    /// Runs statements as one transaction in one message, and returns the number in the last row.
    pub(crate) async fn at_once(&self, statements: &[SqlStatement]) -> Result<i64, StoreError> {
        let message = format!("begin; {}", message(statements));
        let mut tries = self.write_retries();
        loop {
            let once = async {
                let lease = self.lease_writer().await?;
                self.commit_with(lease, message.clone()).await
            };
            let ended = self.work().measure(WorkKind::Transaction, once).await;
            if !tries.once_more(&ended).await {
                return ended;
            }
        }
    }

    pub(crate) async fn transaction<I, T, F>(&self, input: &I, work: F) -> Result<T, StoreError>
    where
        F: for<'t> Fn(Tx<'t>, &'t I) -> BoxFuture<'t, Result<TransactionOutcome<T>, sqlx::Error>>,
    {
        let mut tries = self.write_retries();
        loop {
            let once = self.transaction_once(input, &work);
            let ended = self.work().measure(WorkKind::Transaction, once).await;
            if !tries.once_more(&ended).await {
                return ended;
            }
        }
    }

    async fn transaction_once<I, T, F>(&self, input: &I, work: &F) -> Result<T, StoreError>
    where
        F: for<'t> Fn(Tx<'t>, &'t I) -> BoxFuture<'t, Result<TransactionOutcome<T>, sqlx::Error>>,
    {
        let mut lease = self.lease_writer().await?;
        lease.begin_transaction();
        let worked = limited(self.times.work(), async {
            let connection = lease.connection();
            connection.execute("begin").await?;
            work(Tx::Postgres(connection), input).await
        });
        let outcome = match worked.await {
            Ok(outcome) => outcome,
            Err(error) => return Err(self.roll_back(lease, error).await.into()),
        };
        match outcome {
            TransactionOutcome::Commit(answer) => {
                lease.begin_commit();
                let ended = await_commit(self.times.write(), lease.connection().execute("commit")).await;
                lease.end(ended).map_err(StoreError::from_commit)?;
                Ok(answer)
            }
            TransactionOutcome::CommitWith(closing) => {
                lease.begin_commit();
                let number = self.commit_with(lease, message(&closing.statements)).await?;
                Ok((closing.answer)(number))
            }
            TransactionOutcome::Undo(answer) => {
                let rolled_back = limited(self.times.write(), lease.connection().execute("rollback")).await;
                lease.end(rolled_back)?;
                Ok(answer)
            }
        }
    }

    /// Ends a failed transaction, which may be open: rolls it back by a statement, or by closing the connection.
    async fn roll_back(&self, mut lease: Lease, error: sqlx::Error) -> sqlx::Error {
        if connection_fate(&error) == ConnectionFate::Serves {
            let rolled_back = limited(self.times.write(), lease.connection().execute("rollback")).await;
            // The work's own error says more.
            let _ = lease.end(rolled_back);
            return error;
        }
        let Err(error) = lease.end(Err::<Infallible, _>(error));
        error
    }

    /// Sends a message that ends with a commit, and returns the number in the last row.
    async fn commit_with(&self, mut lease: Lease, message: String) -> Result<i64, StoreError> {
        // The whole answer is read: the result of the commit follows the row.
        let rows = match await_commit(self.times.write(), send(lease.connection(), message)).await {
            Err(error) if connection_fate(&error) == ConnectionFate::Serves => {
                return Err(self.roll_back(lease, error).await.into());
            }
            rows => lease.end(rows).map_err(StoreError::from_commit)?,
        };
        let row = rows.last().ok_or(sqlx::Error::RowNotFound)?;
        Ok(row.try_get(0)?)
    }
}

/// Waits for the answer to a commit, up to the limit. The outcome of the call is unknown until then.
async fn await_commit<T>(
    limit: Duration,
    commit: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, sqlx::Error> {
    outcome::set_open(true);
    let committed = limited(limit, commit).await;
    outcome::set_open(committed.as_ref().is_err_and(is_broken));
    committed
}

async fn send(connection: &mut PgConnection, message: String) -> Result<Vec<PgRow>, sqlx::Error> {
    raw_sql(AssertSqlSafe(message)).fetch_all(connection).await
}
