//! End of a loss: the caller has revoked everything that the lost commits may have revoked.

use super::Sqlite;
use super::files::unwritable;
use super::witness::{CommitWitness, LossSign, forget, put_row};
use crate::{OpenError, StoreError, TransactionOutcome, Tx};

impl Sqlite {
    /// Returns the sign that the file may have lost commits, found when it was opened.
    pub fn loss(&self) -> Option<LossSign> {
        self.loss
    }

    /// Begins a new line of commits. Until then each start finds the loss again.
    ///
    /// # Errors
    /// [`OpenError`] if the witness or the database cannot be written.
    pub async fn accept_loss(&self) -> Result<(), OpenError> {
        if self.loss.is_none() {
            return Ok(());
        }
        let path = self.path.as_path();
        let witness = CommitWitness::begin_line(path).map_err(|error| unwritable(path, &error))?;
        let damaged = |error: StoreError| OpenError::Damaged(path.display().to_string(), error.to_string());
        let begun = self.transaction(witness.line(), |tx, line| {
            Box::pin(async move {
                match tx {
                    Tx::Sqlite(connection) => Ok(TransactionOutcome::Commit(put_row(connection, *line).await?)),
                    Tx::Postgres(_) => Ok(TransactionOutcome::Undo(0)),
                }
            })
        });
        witness.record(begun.await.map_err(damaged)?);
        self.write(sqlx::query("pragma wal_checkpoint(truncate)"), None).await.map_err(damaged)?;
        // The place is empty: a database with a loss has no witness yet.
        let _ = self.witness.set(witness);
        Ok(())
    }

    /// Lets the next start of this complete copy begin a new line of commits.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is written.
    pub async fn forget_witness(&self) -> Result<(), StoreError> {
        self.transaction((), |tx, ()| {
            Box::pin(async move {
                if let Tx::Sqlite(connection) = tx {
                    forget(connection).await?;
                }
                Ok(TransactionOutcome::Commit(()))
            })
        })
        .await
    }
}
