//! Table of repeatable requests. Both services have it, and a row stays for 24 hours.

use chrono::{DateTime, Utc};
use kit::request_id::{REQUEST_ID_LIFETIME, RequestKey};
use uuid::Uuid;

use super::schema::{Column, ColumnType, Table};
use super::{Db, StoreError, Tx, read, within, write};

/// Description of the table, for copies and backups of the database.
pub const TABLE: Table = Table {
    name: "requests",
    columns: &[
        Column::new("caller", ColumnType::Text),
        Column::new("method", ColumnType::Text),
        Column::new("id", ColumnType::Uuid),
        Column::new("fingerprint", ColumnType::Bytes),
        Column::new("resource", ColumnType::Uuid),
        Column::new("create_time", ColumnType::Time),
    ],
};

/// An earlier request with the same id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Earlier<Id> {
    /// The same request, and the row that it created.
    Same(Id),
    /// Another request under the same id.
    Other,
}

/// Returns the earlier request with this id within the last 24 hours.
///
/// # Errors
/// [`StoreError`].
pub async fn find<Id: From<Uuid>>(
    db: &Db,
    key: &RequestKey,
    now: DateTime<Utc>,
) -> Result<Option<Earlier<Id>>, StoreError> {
    const SQL: &str = "select fingerprint, resource from requests \
         where caller = $1 and method = $2 and id = $3 and create_time > $4";
    let row: Option<(Vec<u8>, Uuid)> = read!(db, |reader| sqlx::query_as(SQL)
        .bind(&key.caller)
        .bind(key.method)
        .bind(*key.id.as_uuid())
        .bind(now - REQUEST_ID_LIFETIME)
        .fetch_optional(reader))?;
    Ok(row.map(|(fingerprint, resource)| {
        let is_same = fingerprint == key.fingerprint.as_bytes();
        if is_same { Earlier::Same(resource.into()) } else { Earlier::Other }
    }))
}

/// Records that the request created the row `resource`, in the transaction that creates the row. Returns `false` if
/// another request with the same id came first.
///
/// # Errors
/// The error of the driver.
pub async fn keep(
    tx: &mut Tx<'_>,
    key: &RequestKey,
    resource: impl Into<Uuid> + Send,
    now: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    const SQL: &str = "insert into requests (caller, method, id, fingerprint, resource, create_time) \
         values ($1, $2, $3, $4, $5, $6) on conflict (caller, method, id) do update \
         set fingerprint = excluded.fingerprint, resource = excluded.resource, create_time = excluded.create_time \
         where requests.create_time <= $7";
    let resource: Uuid = resource.into();
    forget(tx, now).await?;
    let kept = within!(
        *tx,
        sqlx::query(SQL)
            .bind(&key.caller)
            .bind(key.method)
            .bind(*key.id.as_uuid())
            .bind(key.fingerprint.as_bytes())
            .bind(resource)
            .bind(now)
            .bind(now - REQUEST_ID_LIFETIME)
    )?;
    Ok(kept > 0)
}

/// Sets request times after `future`, which a wrong clock wrote, to `now`. Returns the number of changed rows.
///
/// # Errors
/// [`StoreError`].
pub async fn repair_times(db: &Db, now: DateTime<Utc>, future: DateTime<Utc>) -> Result<u64, StoreError> {
    const SQL: &str = "update requests set create_time = $1 where create_time > $2";
    write!(*db, sqlx::query(SQL).bind(now).bind(future))
}

/// Deletes a few expired rows with each new request, so that no single call deletes a day's rows.
async fn forget(tx: &mut Tx<'_>, now: DateTime<Utc>) -> Result<(), sqlx::Error> {
    const SQL: &str = "delete from requests where (caller, method, id) in \
         (select caller, method, id from requests where create_time <= $1 order by create_time limit 16)";
    within!(*tx, sqlx::query(SQL).bind(now - REQUEST_ID_LIFETIME)).map(drop)
}
