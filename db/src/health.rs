//! Whether the database answers, and whether it takes writes.

use kit::probe::Probe;
use kit::random;

use super::secrets::PAGE_TOKEN_KEY;
use super::{Db, StoreError, read, write};

/// Returns this work on a database as a [`Probe`].
pub(super) fn probe<F>(db: &Db, work: impl Fn(Db) -> F + Send + Sync + 'static) -> Probe
where
    F: Future<Output = Result<(), StoreError>> + Send + 'static,
{
    let db = db.clone();
    Box::new(move || {
        let work = work(db.clone());
        Box::pin(async move { work.await.map_err(Into::into) })
    })
}

/// Returns the [`look`] at this database.
pub fn looks(db: &Db) -> Probe {
    probe(db, |db| async move { look(&db).await })
}

/// Returns the [`touch`] of this database, each with another mark.
pub fn touches(db: &Db) -> Probe {
    probe(db, |db| async move { touch(&db, random::bytes()).await })
}

/// Looks for a row of a table that both services have, by its index: the least that shows that their reads work.
///
/// # Errors
/// [`StoreError`], when the database does not answer.
pub async fn look(db: &Db) -> Result<(), StoreError> {
    const SQL: &str = "select 1 from secrets where name = $1";
    let found = read!(*db, |reader| sqlx::query_scalar(SQL).bind(PAGE_TOKEN_KEY).fetch_optional(reader));
    // Whether the row is there is not asked.
    found.map(|_: Option<i32>| ())
}

/// Writes a row that nobody reads: the least that shows that writes reach the disk. It is there from the first such write
/// on, and changes with each `mark`: SQLite writes no page that stays as it is.
///
/// # Errors
/// [`StoreError`], when the database takes no writes.
pub async fn touch(db: &Db, mark: [u8; 16]) -> Result<(), StoreError> {
    const SQL: &str = "\
        insert into secrets (name, value) values ($1, $2) on conflict (name) do update set value = excluded.value";
    write!(*db, sqlx::query(SQL).bind("readiness-mark").bind(mark.as_slice())).map(|_| ())
}
