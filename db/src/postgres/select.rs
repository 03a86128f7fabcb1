//! Reads of a statement's rows, for [`Db::select`](crate::Db::select).

use super::Postgres;
use super::values::values;
use crate::measures::WorkKind;
use crate::{ReadRow, SqlStatement, StoreError};

impl Postgres {
    /// Returns the rows of a statement that reads.
    pub(crate) async fn select<T: ReadRow>(&self, statement: &SqlStatement) -> Result<Vec<T>, StoreError> {
        let mut tries = self.read_retries();
        loop {
            let read = async {
                let mut lease = self.lease_reader().await?;
                let values = values(statement)?;
                let rows = sqlx::query_as_with(statement.sql, values).fetch_all(lease.connection());
                let read = self.limit_read(rows).await;
                lease.end(read)
            };
            match self.work().measure(WorkKind::Read, read).await {
                Err(error) if tries.once_more(&error) => {}
                read => return read.map_err(StoreError::from),
            }
        }
    }
}
