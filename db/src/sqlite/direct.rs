//! Access to a database file over one connection, without a service: a copy fills or checks the file.

use std::path::Path;

use sqlx::migrate::Migrator;
use sqlx::{ConnectOptions as _, SqliteConnection};

use super::files::make_file;
use super::first::connect_first;
use super::open::options;
use crate::{OpenError, migrations};

/// Opens a file as a service does: creates and migrates it. The caller holds the lock.
///
/// # Errors
/// [`OpenError`]; its text says what to do.
pub async fn open_to_fill(path: &Path, migrations: &Migrator) -> Result<SqliteConnection, OpenError> {
    make_file(path)?;
    let mut connection = connect_first(path, &options(path).disable_statement_logging()).await?;
    migrations::run(&path.display().to_string(), &mut connection, migrations).await?;
    Ok(connection)
}

/// Returns the first fault that SQLite finds in the file, or `ok`
/// (<https://sqlite.org/pragma.html#pragma_integrity_check>).
///
/// # Errors
/// The error of the driver.
pub async fn check_integrity(connection: &mut SqliteConnection) -> Result<String, sqlx::Error> {
    sqlx::query_scalar("pragma integrity_check(1)").fetch_one(connection).await
}
