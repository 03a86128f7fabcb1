//! Version of the server, and the encryption of a connection.

use super::Postgres;
use crate::StoreError;
use crate::facts::DatabaseFacts;

impl Postgres {
    /// Returns the server's version, and the encryption of a connection that reads.
    ///
    /// # Errors
    /// [`StoreError`] if the server does not answer.
    pub(crate) async fn facts(&self) -> Result<DatabaseFacts, StoreError> {
        const SQL: &str = "select current_setting('server_version'), \
             (select version from pg_stat_ssl where pid = pg_backend_pid())";
        let mut lease = self.lease_reader().await?;
        let read = self.limit_read(sqlx::query_as(SQL).fetch_one(lease.connection())).await;
        let (version, encryption): (String, Option<String>) = lease.end(read)?;
        Ok(DatabaseFacts { version: format!("PostgreSQL {version}"), encryption })
    }
}
