//! Asks the database what time it is: a server tells its own, a file what an earlier process has left in it.

use kit::clock::{Anchor, Clock};
use kit::probe::Probe;

use super::health::probe;
use super::{Db, StoreError, secrets, write};

/// The name under which a file keeps it.
const ANCHOR: &str = "clock-anchor";

/// Returns the [`measure`] of this clock by this database.
pub fn measures(db: &Db, clock: &Clock) -> Probe {
    let clock = clock.clone();
    probe(db, move |db| {
        let clock = clock.clone();
        async move { measure(&db, &clock).await }
    })
}

/// Notes a time for this clock to be compared with, and leaves one for a later process.
///
/// # Errors
/// [`StoreError`], when the database does not answer; then the clock is compared with what was noted before.
pub async fn measure(db: &Db, clock: &Clock) -> Result<(), StoreError> {
    const SQL: &str = "\
        insert into secrets (name, value) values ($1, $2) on conflict (name) do update set value = excluded.value";
    compare(db, clock).await?;
    if matches!(db, Db::Sqlite(_))
        && let Some(anchor) = clock.due_anchor()
    {
        let written = write!(*db, sqlx::query(SQL).bind(ANCHOR).bind(anchor.to_text().into_bytes()));
        // A disk that is full keeps no service from starting: the next one is written in a minute.
        drop(written);
    }
    Ok(())
}

/// Notes a time for this clock to be compared with, and writes nothing.
///
/// # Errors
/// [`StoreError`], when the database does not answer; then the clock is compared with what was noted before.
pub async fn compare(db: &Db, clock: &Clock) -> Result<(), StoreError> {
    match db {
        Db::Postgres(server) if !clock.is_manual() => {
            let asked = clock.uptime();
            let time = server.time().await?;
            clock.note_server(time, asked, clock.uptime());
            Ok(())
        }
        // A server says nothing of a clock that stands until a test moves it.
        Db::Postgres(_) => {
            if !clock.is_compared() {
                clock.note_anchor(None);
            }
            clock.compare();
            Ok(())
        }
        Db::Sqlite(_) => {
            if !clock.is_compared() {
                let found = secrets::find(db, ANCHOR).await?;
                let anchor = found.and_then(|bytes| Anchor::parse(&String::from_utf8(bytes).ok()?));
                clock.note_anchor(anchor.as_ref());
            }
            clock.compare();
            Ok(())
        }
    }
}
