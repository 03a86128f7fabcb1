//! Checked copies of a database file that a service may have open.

use std::fs::File;
use std::io;
use std::path::Path;
use std::time::Duration;

use db::{FileLock, LossSign, Migrations, Misfit, WitnessReading, check_integrity, make_file, misfit};
use sqlx::migrate::{AppliedMigration, Migrate as _, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};

/// Time limit of the wait for another program's lock on the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// An error of a copy; its text says what to do.
#[derive(Debug, thiserror::Error)]
pub(super) enum SnapshotError {
    /// The file does not exist.
    #[error("{0} is not there: name the place where the service keeps its database")]
    Absent(String),
    /// The file is not a database, or belongs to the other service.
    #[error("{0} is not a database of this service ({1}): name the service's own")]
    Foreign(String, String),
    /// A later version migrated the database.
    #[error("{0} was written by a newer version (migration {1} is unknown): use the `gatepost` of that version")]
    Newer(String, i64),
    /// SQLite finds damage in the file.
    #[error("{0} is damaged ({1}): use a backup from before that")]
    Damaged(String, String),
    /// The file has lost commits, and a copy would hide this.
    #[error("{0} may have lost commits ({1}): start the service on it once, which ends all sessions, then try again")]
    Lossy(String, LossSign),
    /// The file cannot be read, or the copy cannot be written.
    #[error("{0} cannot be copied ({1}): remove the cause, then try again")]
    Failed(String, String),
}

/// Copies the file `from` to the new file `to` (0600), checks the copy, and returns the number of its last migration.
///
/// The copy is consistent and contains all acknowledged writes. A service may have the file open and continue to read and
/// write; its write-ahead log cannot restart before the end of the copy.
///
/// # Errors
/// [`SnapshotError`]; its text says what to do. The content of `to` is useless then.
pub(super) async fn snapshot(from: &Path, to: &Path, migrations: &Migrations) -> Result<i64, SnapshotError> {
    /// Runs as one read transaction, and writes only the new file.
    const SQL: &str = "vacuum into $1";
    let name = from.display().to_string();
    if !from.is_file() {
        return Err(SnapshotError::Absent(name));
    }
    let into = to.to_str().ok_or_else(|| SnapshotError::Failed(name.clone(), "a path is not UTF-8".to_owned()))?;
    make_file(to).map_err(|error| SnapshotError::Failed(name.clone(), error.to_string()))?;
    let is_held = FileLock::is_held(from);
    // A running service has looked for a loss itself.
    let witness = (!is_held).then(|| WitnessReading::read(from)).transpose();
    let witness = witness.map_err(|error| SnapshotError::Failed(name.clone(), error.to_string()))?;
    // While a service has the file open, the connection is read-only, so that it never checkpoints the log. Otherwise it may
    // write, so that its close removes the log.
    let options = SqliteConnectOptions::new().filename(from).read_only(is_held).busy_timeout(BUSY_TIMEOUT);
    let mut connection = options.connect().await.map_err(|error| failed(&name, &error))?;
    let copied = sqlx::query(SQL).bind(into.to_owned()).execute(&mut connection).await;
    let closed = connection.close().await;
    copied.map(drop).and(closed).map_err(|error| failed(&name, &error))?;
    sync(to).map_err(|error| SnapshotError::Failed(name.clone(), error.to_string()))?;
    check(to, &name, migrations.sqlite, witness.as_ref()).await
}

/// Checks that a copy is undamaged, and a database of this service and version; returns the number of its last migration.
///
/// # Errors
/// [`SnapshotError`]; its text says what to do.
pub(super) async fn check_snapshot(path: &Path, name: &str, migrations: &Migrations) -> Result<i64, SnapshotError> {
    check(path, name, migrations.sqlite, None).await
}

async fn check(
    path: &Path,
    name: &str,
    migrations: &Migrator,
    witness: Option<&WitnessReading>,
) -> Result<i64, SnapshotError> {
    let options = SqliteConnectOptions::new().filename(path).read_only(true);
    let mut connection = options.connect().await.map_err(|error| failed(name, &error))?;
    let checked = check_open(&mut connection, name, migrations, witness).await;
    let closed = connection.close().await.map_err(|error| failed(name, &error));
    closed.and(checked)
}

async fn check_open(
    connection: &mut SqliteConnection,
    name: &str,
    migrations: &Migrator,
    witness: Option<&WitnessReading>,
) -> Result<i64, SnapshotError> {
    const DANGLING: &str = "select \"table\" from pragma_foreign_key_check limit 1";
    let whole = check_integrity(connection).await.map_err(|error| failed(name, &error))?;
    if whole != "ok" {
        return Err(SnapshotError::Damaged(name.to_owned(), whole));
    }
    let dangling: Option<String> =
        sqlx::query_scalar(DANGLING).fetch_optional(&mut *connection).await.map_err(|error| failed(name, &error))?;
    if let Some(table) = dangling {
        return Err(SnapshotError::Damaged(name.to_owned(), format!("a row of {table} refers to a missing row")));
    }
    if let Some(witness) = witness {
        let loss = witness.loss(connection).await;
        if let Some(sign) = loss.map_err(|error| failed(name, &error))? {
            return Err(SnapshotError::Lossy(name.to_owned(), sign));
        }
    }
    let applied = connection.list_applied_migrations(&migrations.table_name).await;
    last_migration(name, &applied.unwrap_or_default(), migrations)
}

/// Returns the last applied migration; fails if one is unknown.
fn last_migration(name: &str, applied: &[AppliedMigration], migrations: &Migrator) -> Result<i64, SnapshotError> {
    let foreign = |why: String| SnapshotError::Foreign(name.to_owned(), why);
    match misfit(applied, migrations) {
        None => {}
        Some(Misfit::Newer(version)) => return Err(SnapshotError::Newer(name.to_owned(), version)),
        Some(Misfit::Altered(version)) => return Err(foreign(format!("migration {version} differs"))),
    }
    let last = applied.iter().map(|applied| applied.version).max();
    last.ok_or_else(|| foreign("it has no migrations".to_owned()))
}

/// Converts an error of the driver for the file of this name (sqlite.org/rescode.html).
fn failed(name: &str, error: &sqlx::Error) -> SnapshotError {
    const CORRUPT: u32 = 11;
    const NOTADB: u32 = 26;
    let code =
        error.as_database_error().and_then(sqlx::error::DatabaseError::code).and_then(|code| code.parse::<u32>().ok());
    // The text of the driver's own error also names the driver.
    let why = error.as_database_error().map_or_else(|| error.to_string(), |cause| cause.message().to_owned());
    match code.map(|code| code & 0xff) {
        Some(CORRUPT) => SnapshotError::Damaged(name.to_owned(), why),
        Some(NOTADB) => SnapshotError::Foreign(name.to_owned(), why),
        _ => SnapshotError::Failed(name.to_owned(), why),
    }
}

fn sync(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
