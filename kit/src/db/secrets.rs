//! Secrets that all replicas of a service share: whoever comes first draws them. Both services have the table.

use super::{Db, StoreError, read, write};

/// The key of this name; keeps `fresh` when there is none yet.
///
/// # Errors
/// [`StoreError`].
pub async fn shared<const N: usize>(db: &Db, name: &str, fresh: [u8; N]) -> Result<[u8; N], StoreError> {
    let kept = keep(db, name, &fresh).await?;
    kept.try_into().map_err(|_| sqlx::Error::Decode("a shared key has another length".into()).into())
}

/// The secret of this name, if there is one.
///
/// # Errors
/// [`StoreError`].
pub async fn find(db: &Db, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
    const SQL: &str = "select value from secrets where name = $1";
    read!(db, |reader| sqlx::query_scalar(SQL).bind(name).fetch_optional(reader))
}

/// Takes the secret of this name away.
///
/// # Errors
/// [`StoreError`].
pub async fn forget(db: &Db, name: &str) -> Result<(), StoreError> {
    const SQL: &str = "delete from secrets where name = $1";
    write!(*db, sqlx::query(SQL).bind(name)).map(drop)
}

/// The secret of this name; keeps `fresh` when there is none yet.
async fn keep(db: &Db, name: &str, fresh: &[u8]) -> Result<Vec<u8>, StoreError> {
    const SQL: &str = "insert into secrets (name, value) values ($1, $2) on conflict (name) do nothing";
    write!(*db, sqlx::query(SQL).bind(name).bind(fresh))?;
    match find(db, name).await? {
        Some(kept) => Ok(kept),
        None => Err(sqlx::Error::RowNotFound.into()),
    }
}
