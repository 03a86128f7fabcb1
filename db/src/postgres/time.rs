//! Time of day on the server.

use chrono::{DateTime, Utc};

use super::Postgres;
use crate::StoreError;

impl Postgres {
    /// Returns the server's time at some moment between the query and its answer.
    ///
    /// # Errors
    /// [`StoreError`] if the server does not answer.
    pub(crate) async fn time(&self) -> Result<DateTime<Utc>, StoreError> {
        const SQL: &str = "select clock_timestamp()";
        let mut tries = self.read_retries();
        loop {
            let read = async {
                let mut lease = self.lease_reader().await?;
                let read = self.limit_read(sqlx::query_scalar(SQL).fetch_one(lease.connection())).await;
                lease.end(read)
            };
            match read.await {
                Err(error) if tries.once_more(&error) => {}
                read => break read.map_err(StoreError::from),
            }
        }
    }
}
