//! Keys that all replicas of a service share: whoever comes first draws them. Both services have the table.

use sqlx::SqlitePool;

use super::StoreError;

/// The key of this name; keeps `fresh` when there is none yet.
///
/// # Errors
/// [`StoreError`].
pub async fn shared<const N: usize>(writer: &SqlitePool, name: &str, fresh: [u8; N]) -> Result<[u8; N], StoreError> {
    const KEEP: &str = "insert into secrets (name, value) values ($1, $2) on conflict (name) do nothing";
    const SQL: &str = "select value from secrets where name = $1";
    sqlx::query(KEEP).bind(name).bind(fresh.as_slice()).execute(writer).await?;
    let kept: Vec<u8> = sqlx::query_scalar(SQL).bind(name).fetch_one(writer).await?;
    kept.try_into().map_err(|_| StoreError::Fault(sqlx::Error::Decode("a shared key has another length".into())))
}
