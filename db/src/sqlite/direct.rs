//! Access to a database file over one connection, without a service: a copy fills or checks the file.

use std::path::Path;

use sqlx::migrate::Migrator;
use sqlx::{ConnectOptions as _, SqliteConnection};

use super::files::make_file;
use super::open::{check_library, damaged, options};
use crate::{OpenError, migrations};

/// Opens a file as a service does: creates and migrates it. The caller holds the lock.
///
/// # Errors
/// [`OpenError`]; its text says what to do.
pub async fn open_to_fill(path: &Path, migrations: &Migrator) -> Result<SqliteConnection, OpenError> {
    let name = path.display().to_string();
    make_file(path)?;
    let connected = options(path).disable_statement_logging().connect().await;
    let mut connection = connected.map_err(|error| damaged(&name, &error))?;
    check_library(&mut connection, &name).await?;
    migrations::run(&name, &mut connection, migrations).await?;
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
