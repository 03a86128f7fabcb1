//! Secrets that all replicas of a service share: the first replica draws them. Both services have the table.

use super::schema::{Column, ColumnType, Table};
use super::{Db, StoreError, read, write};

/// Description of the table, for a copy.
pub const TABLE: Table = Table {
    name: "secrets",
    columns: &[Column::new("name", ColumnType::Text), Column::new("value", ColumnType::Bytes)],
};

/// Name of the page tokens' key.
pub(super) const PAGE_TOKEN_KEY: &str = "page-token-key";

/// Returns the page tokens' key; stores `fresh` if the key is missing.
///
/// # Errors
/// [`StoreError`].
pub async fn page_token_key(db: &Db, fresh: [u8; 64]) -> Result<[u8; 64], StoreError> {
    let kept = keep(db, PAGE_TOKEN_KEY, &fresh).await?;
    kept.try_into().map_err(|_| sqlx::Error::Decode("a shared key has another length".into()).into())
}

/// Returns the secret of this name, if there is one.
///
/// # Errors
/// [`StoreError`].
pub async fn find(db: &Db, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
    const SQL: &str = "select value from secrets where name = $1";
    read!(db, |reader| sqlx::query_scalar(SQL).bind(name).fetch_optional(reader))
}

/// Deletes the secret of this name.
///
/// # Errors
/// [`StoreError`].
pub async fn forget(db: &Db, name: &str) -> Result<(), StoreError> {
    const SQL: &str = "delete from secrets where name = $1";
    write!(*db, sqlx::query(SQL).bind(name)).map(drop)
}

/// Returns the secret of this name; stores `fresh` if the secret is missing.
async fn keep(db: &Db, name: &str, fresh: &[u8]) -> Result<Vec<u8>, StoreError> {
    const SQL: &str = "insert into secrets (name, value) values ($1, $2) on conflict (name) do nothing";
    write!(*db, sqlx::query(SQL).bind(name).bind(fresh))?;
    match find(db, name).await? {
        Some(kept) => Ok(kept),
        None => Err(sqlx::Error::RowNotFound.into()),
    }
}
