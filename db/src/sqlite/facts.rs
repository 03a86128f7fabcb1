//! Version of the SQLite library.

use super::Sqlite;
use crate::StoreError;
use crate::facts::DatabaseFacts;

impl Sqlite {
    /// Returns the version. Success also shows that the file can be read.
    ///
    /// # Errors
    /// [`StoreError`] if the file cannot be read.
    pub(crate) async fn facts(&self) -> Result<DatabaseFacts, StoreError> {
        const SQL: &str = "select sqlite_version() from sqlite_schema limit 1";
        let mut lease = self.lease_reader().await?;
        let read = sqlx::query_scalar(SQL).fetch_one(lease.connection()?).await;
        let version: String = lease.end(read)?;
        Ok(DatabaseFacts { version: format!("SQLite {version}"), encryption: None })
    }
}
