//! Reads the database's time: a server's clock, or the time that an earlier process stored in the file.

use kit::clock::{Anchor, Clock};
use kit::probe::Probe;

use super::health::probe;
use super::{Db, StoreError, secrets, write};

/// Name of the secret that holds the anchor in a file.
const ANCHOR: &str = "clock-anchor";

/// Returns a probe that [measures](measure) this clock against this database.
pub fn clock_probe(db: &Db, clock: &Clock) -> Probe {
    let clock = clock.clone();
    probe(db, move |db| {
        let clock = clock.clone();
        async move { measure(&db, &clock).await }
    })
}

/// Compares this clock with the database's time, and stores the current time for the next process.
///
/// # Errors
/// [`StoreError`] if the database does not answer; the clock is then compared with the last known time.
pub async fn measure(db: &Db, clock: &Clock) -> Result<(), StoreError> {
    const SQL: &str = "\
        insert into secrets (name, value) values ($1, $2) on conflict (name) do update set value = excluded.value";
    compare(db, clock).await?;
    if matches!(db, Db::Sqlite(_))
        && let Some(anchor) = clock.due_anchor()
    {
        let written = write!(*db, sqlx::query(SQL).bind(ANCHOR).bind(anchor.to_text().into_bytes()));
        // A full disk does not stop a start: the next anchor is written in a minute.
        drop(written);
    }
    Ok(())
}

/// Compares this clock with the database's time, and writes nothing.
///
/// # Errors
/// [`StoreError`] if the database does not answer; the clock is then compared with the last known time.
pub async fn compare(db: &Db, clock: &Clock) -> Result<(), StoreError> {
    match db {
        Db::Postgres(server) if !clock.is_manual() => {
            let asked = clock.uptime();
            let time = server.time().await?;
            clock.note_server(time, asked, clock.uptime());
            Ok(())
        }
        // A test moves this clock by hand, so the server's time says nothing about it.
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
