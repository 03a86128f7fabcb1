//! Probes of a database: its answers, and its writes.

use kit::probe::Probe;
use kit::random;

use super::secrets::PAGE_TOKEN_KEY;
use super::{Db, StoreError, TransactionOutcome, read, transaction, within, write};

/// Name of the row that a probe writes.
const READINESS_MARK: &str = "readiness-mark";

const TOUCH: &str = "\
    insert into secrets (name, value) values ($1, $2) on conflict (name) do update set value = excluded.value";

/// Returns a [`Probe`] that runs this work on a database.
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

/// Returns a probe that [reads](look) from this database.
pub fn read_probe(db: &Db) -> Probe {
    probe(db, |db| async move { look(&db).await })
}

/// Returns a probe that [writes](touch) to this database, each time with another mark.
pub fn write_probe(db: &Db) -> Probe {
    probe(db, |db| async move { touch(&db, random::bytes()).await })
}

/// Reads a row through an index, from a table that both services have: the smallest proof that reads work.
///
/// # Errors
/// [`StoreError`] if the database does not answer.
pub async fn look(db: &Db) -> Result<(), StoreError> {
    const SQL: &str = "select 1 from secrets where name = $1";
    let found = read!(*db, |reader| sqlx::query_scalar(SQL).bind(PAGE_TOKEN_KEY).fetch_optional(reader));
    // The row need not exist.
    found.map(|_: Option<i32>| ())
}

/// Writes as [`touch`] does, in a transaction that is rolled back.
///
/// # Errors
/// [`StoreError`] if the database takes no writes.
pub(super) async fn touch_undone(db: &Db, mark: [u8; 16]) -> Result<(), StoreError> {
    transaction!(*db, async move |mut tx| {
        within!(tx, sqlx::query(TOUCH).bind(READINESS_MARK).bind(mark.to_vec()))?;
        Ok(TransactionOutcome::Undo(()))
    })
}

/// Writes a row that nothing reads: the smallest proof that writes reach the disk. The row stays after the first write,
/// and changes with each `mark`, since SQLite does not write an unchanged page.
///
/// # Errors
/// [`StoreError`] if the database takes no writes.
pub async fn touch(db: &Db, mark: [u8; 16]) -> Result<(), StoreError> {
    write!(*db, sqlx::query(TOUCH).bind(READINESS_MARK).bind(mark.as_slice())).map(|_| ())
}
