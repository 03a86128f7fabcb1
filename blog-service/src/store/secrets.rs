//! Keys that all replicas of the service share: whoever comes first draws them.

use super::{Store, StoreError};

impl Store {
    /// The page tokens' key; keeps `fresh` when there is none yet.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn page_token_key(&self, fresh: [u8; 64]) -> Result<[u8; 64], StoreError> {
        const KEEP: &str =
            "insert into secrets (name, value) values ('page-token-key', $1) on conflict (name) do nothing";
        const SQL: &str = "select value from secrets where name = 'page-token-key'";
        sqlx::query(KEEP).bind(fresh.as_slice()).execute(self.db.writer()).await?;
        let kept: Vec<u8> = sqlx::query_scalar(SQL).fetch_one(self.db.writer()).await?;
        kept.try_into().map_err(|_| StoreError::Fault(sqlx::Error::Decode("the page tokens' key has 64 bytes".into())))
    }
}
