//! The table of requests that may be repeated; both services have it, and a row stands for 24 hours.

use chrono::{DateTime, Utc};
use kit::request_id::{REQUEST_ID_LIFETIME, RequestKey};
use uuid::Uuid;

use super::schema::{Column, Kind, Table};
use super::{Db, StoreError, Tx, read, within, write};

/// The table, for a copy.
pub const TABLE: Table = Table {
    name: "requests",
    columns: &[
        Column::new("caller", Kind::Text),
        Column::new("method", Kind::Text),
        Column::new("id", Kind::Uuid),
        Column::new("fingerprint", Kind::Bytes),
        Column::new("resource", Kind::Uuid),
        Column::new("create_time", Kind::Time),
    ],
};

/// What is known of a request that came before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Earlier {
    /// It was the same one, and made this row.
    Same(Uuid),
    /// It was another one under the same id.
    Other,
}

/// What came before under this request's id, within the last 24 hours.
///
/// # Errors
/// [`StoreError`].
pub async fn find(db: &Db, key: &RequestKey, now: DateTime<Utc>) -> Result<Option<Earlier>, StoreError> {
    const SQL: &str = "select fingerprint, resource from requests \
         where caller = $1 and method = $2 and id = $3 and create_time > $4";
    let row: Option<(Vec<u8>, Uuid)> = read!(db, |reader| sqlx::query_as(SQL)
        .bind(&key.caller)
        .bind(key.method)
        .bind(key.id)
        .bind(now - REQUEST_ID_LIFETIME)
        .fetch_optional(reader))?;
    Ok(row.map(|(fingerprint, resource)| {
        let is_same = fingerprint == key.fingerprint.as_bytes();
        if is_same { Earlier::Same(resource) } else { Earlier::Other }
    }))
}

/// Remembers that the request has made the row `resource`, in the transaction that makes it; `false` when one under the
/// same id came first.
///
/// # Errors
/// What the database fails with.
pub async fn keep(tx: &mut Tx<'_>, key: &RequestKey, resource: Uuid, now: DateTime<Utc>) -> Result<bool, sqlx::Error> {
    const SQL: &str = "insert into requests (caller, method, id, fingerprint, resource, create_time) \
         values ($1, $2, $3, $4, $5, $6) on conflict (caller, method, id) do update \
         set fingerprint = excluded.fingerprint, resource = excluded.resource, create_time = excluded.create_time \
         where requests.create_time <= $7";
    forget(tx, now).await?;
    let kept = within!(
        *tx,
        sqlx::query(SQL)
            .bind(&key.caller)
            .bind(key.method)
            .bind(key.id)
            .bind(key.fingerprint.as_bytes())
            .bind(resource)
            .bind(now)
            .bind(now - REQUEST_ID_LIFETIME)
    )?;
    Ok(kept > 0)
}

/// Gives requests of the time `now` that say they came after `future`: they were kept under a wrong clock. Returns how many.
///
/// # Errors
/// [`StoreError`].
pub async fn repair_times(db: &Db, now: DateTime<Utc>, future: DateTime<Utc>) -> Result<u64, StoreError> {
    const SQL: &str = "update requests set create_time = $1 where create_time > $2";
    write!(*db, sqlx::query(SQL).bind(now).bind(future))
}

/// Takes out what is too old: a few rows for each that comes, so that no call pays for a day's worth.
async fn forget(tx: &mut Tx<'_>, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
    const SQL: &str = "delete from requests where (caller, method, id) in \
         (select caller, method, id from requests where create_time <= $1 order by create_time limit 16)";
    within!(*tx, sqlx::query(SQL).bind(now - REQUEST_ID_LIFETIME)).map(drop)
}
