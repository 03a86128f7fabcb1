//! Stops a start beside a key file whose database is gone: an empty database would take its place unnoticed.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use db::{RESTORING, beside};

use crate::keys::storage::KeyFile;

/// A database is gone, and the file of its signing keys is there.
#[derive(Debug, thiserror::Error)]
#[error(
    "{} {state}, but {} holds its signing keys: put the database back, or move the key file away, then restore a backup \
     (`gatepost restore`) or start without users", .database.display(), .keys.display()
)]
pub struct DatabaseLost {
    database: PathBuf,
    keys: PathBuf,
    state: &'static str,
}

/// Checks, before anything is made, that a database with a key file is there and is not empty.
///
/// The first start makes the database before the key, so no start that is cut off leaves a key alone.
///
/// # Errors
/// [`DatabaseLost`], whose text says what to do.
pub(crate) fn check(database: &Path) -> Result<(), DatabaseLost> {
    // A restore that was broken off has its own sentence, which the opening of the database says.
    if beside(database, RESTORING).symlink_metadata().is_ok() {
        return Ok(());
    }
    let state = match fs::metadata(database) {
        Ok(found) if found.len() == 0 => "is empty",
        Err(error) if error.kind() == ErrorKind::NotFound => "is missing",
        _ => return Ok(()),
    };
    let keys = KeyFile::beside(database);
    if keys.path().symlink_metadata().is_err() {
        return Ok(());
    }
    Err(DatabaseLost { database: database.to_owned(), keys: keys.path().to_owned(), state })
}
