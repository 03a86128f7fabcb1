//! Reads of a statement's rows, for [`Db::select`](crate::Db::select).

use sqlx::Arguments as _;
use sqlx::postgres::PgArguments;

use super::Postgres;
use crate::measures::WorkKind;
use crate::{ReadRow, SqlStatement, SqlValue, StoreError};

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

/// Returns the values of a statement.
pub(super) fn values(statement: &SqlStatement) -> Result<PgArguments, sqlx::Error> {
    let mut values = PgArguments::default();
    for value in &statement.values {
        let added = match value {
            SqlValue::Uuid(value) => values.add(*value),
            SqlValue::Text(value) => values.add(value.as_str()),
            SqlValue::Bytes(value) => values.add(value.as_slice()),
            SqlValue::Integer(value) => values.add(*value),
            SqlValue::Time(value) => values.add(*value),
        };
        added.map_err(sqlx::Error::Encode)?;
    }
    Ok(values)
}
