//! Whether the database answers.

use super::{Db, StoreError, read};

/// Looks for a row of a table that both services have, by its index: the least that shows that their reads work.
///
/// # Errors
/// [`StoreError`], when the database does not answer.
pub async fn look(db: &Db) -> Result<(), StoreError> {
    const SQL: &str = "select 1 from secrets where name = $1";
    let found = read!(*db, |reader| sqlx::query_scalar(SQL).bind("page-token-key").fetch_optional(reader));
    // Whether the row is there is not asked.
    found.map(|_: Option<i32>| ())
}
