//! The first connection to a file: it puts the file into WAL mode, and waits for other programs.

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode};
use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection};
use tokio::time::{Instant, sleep};

use super::files::unwritable;
use crate::OpenError;

/// First SQLite version without the WAL-reset fault (sqlite.org/wal.html#walresetbug).
const MIN_LIBRARY_VERSION: (u32, u32, u32) = (3, 51, 3);

/// Longest wait for another program's lock on the whole file. The last connection to a file holds this lock while it
/// closes.
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);

/// Pause between two tries.
const RETRY_INTERVAL: Duration = Duration::from_millis(20);

/// Connects, and sets WAL mode. Waits two seconds for another program that has locked the whole file.
///
/// # Errors
/// [`OpenError`]; its text says what to do.
pub(super) async fn connect_first(path: &Path, options: &SqliteConnectOptions) -> Result<SqliteConnection, OpenError> {
    let options = options.clone().journal_mode(SqliteJournalMode::Wal);
    let give_up = Instant::now() + LOCK_TIMEOUT;
    let mut is_logged = false;
    let mut connection = loop {
        match options.connect().await {
            Ok(connection) => break connection,
            Err(error) if is_busy(&error) && Instant::now() < give_up => {
                if !is_logged {
                    tracing::debug!("{} is locked by another program: waiting for it", path.display());
                    is_logged = true;
                }
                sleep(RETRY_INTERVAL).await;
            }
            Err(error) => return Err(unopened(path, &error)),
        }
    };
    check_library(path, &mut connection).await?;
    Ok(connection)
}

/// Closes the connection. An error changes nothing: the data is committed, and the next connection opens the file anew.
pub(super) async fn close_first(connection: SqliteConnection) {
    if let Err(error) = connection.close().await {
        tracing::debug!(%error, "closing the first connection failed");
    }
}

async fn check_library(path: &Path, connection: &mut SqliteConnection) -> Result<(), OpenError> {
    const SQL: &str = "select sqlite_version()";
    let version: String =
        sqlx::query_scalar(SQL).fetch_one(connection).await.map_err(|error| unopened(path, &error))?;
    if is_old(&version) { Err(OpenError::OldLibrary(version)) } else { Ok(()) }
}

/// Returns true if this version of SQLite has the fault. An unreadable version counts as old.
fn is_old(version: &str) -> bool {
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    let mut next = || parts.next().unwrap_or(0);
    (next(), next(), next()) < MIN_LIBRARY_VERSION
}

/// Returns the primary result code (<https://sqlite.org/rescode.html>).
fn primary_code(error: &sqlx::Error) -> Option<u32> {
    let code = error.as_database_error()?.code()?.parse::<u32>().ok()?;
    Some(code & 0xff)
}

/// Returns true for `SQLITE_BUSY` and `SQLITE_LOCKED`.
fn is_busy(error: &sqlx::Error) -> bool {
    matches!(primary_code(error), Some(5 | 6))
}

/// Returns the error of a file that cannot be opened. `SQLITE_CANTOPEN`, `SQLITE_READONLY` and `SQLITE_PERM` usually
/// mean that the file belongs to another user.
fn unopened(path: &Path, error: &sqlx::Error) -> OpenError {
    match primary_code(error) {
        Some(3 | 8 | 14) => unwritable(path, &std::io::ErrorKind::PermissionDenied.into()),
        Some(5 | 6) => OpenError::Locked(path.display().to_string()),
        _ => OpenError::Damaged(path.display().to_string(), error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use sqlx::Executor as _;

    use super::*;

    /// Returns a file, and a connection that has locked the whole file.
    async fn locked() -> (tempfile::NamedTempFile, SqliteConnection) {
        let file = tempfile::NamedTempFile::new().unwrap();
        let options = SqliteConnectOptions::new().filename(file.path()).journal_mode(SqliteJournalMode::Wal);
        let mut holder = options.pragma("locking_mode", "exclusive").connect().await.unwrap();
        holder.execute("create table t (n integer)").await.unwrap();
        (file, holder)
    }

    #[tokio::test]
    async fn lock_of_another_program_is_waited_for() {
        let (file, holder) = locked().await;
        let options = super::super::open::options(file.path());
        assert!(is_busy(&options.clone().journal_mode(SqliteJournalMode::Wal).connect().await.unwrap_err()));
        let (opened, ()) = tokio::join!(connect_first(file.path(), &options), close_first(holder));
        close_first(opened.unwrap()).await;
    }

    #[test]
    fn library_that_can_lose_data_is_detected() {
        for (version, old) in [
            ("3.7.0", true),
            ("3.51.2", true),
            ("3.51.3", false),
            ("3.52.0", false),
            ("4.0.0", false),
            ("3.51", true),
            ("", true),
        ] {
            assert_eq!(is_old(version), old, "{version}");
        }
    }
}
