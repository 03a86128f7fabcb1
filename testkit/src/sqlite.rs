//! SQLite's own check of a database file.

use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection as _, Error};

/// Returns the damages that SQLite finds in the file; empty for an undamaged file. The file may be in use.
///
/// # Errors
/// Fails if the file cannot be read.
pub async fn damages(path: impl AsRef<Path>) -> Result<Vec<String>, Error> {
    let options = SqliteConnectOptions::new().filename(path).read_only(true);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    let mut found: Vec<String> = sqlx::query_scalar("pragma integrity_check").fetch_all(&mut connection).await?;
    let dangling: Vec<String> =
        sqlx::query_scalar("select \"table\" from pragma_foreign_key_check").fetch_all(&mut connection).await?;
    connection.close().await?;
    found.retain(|line| line != "ok");
    found.extend(dangling.into_iter().map(|table| format!("{table}: a row refers to a missing row")));
    Ok(found)
}
