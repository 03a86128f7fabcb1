//! Stops the start if the database of a key file is missing: an empty database would replace it unnoticed.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use db::{RESTORING, beside};

use crate::keys::storage::KeyFile;

/// Error of a missing database with an existing file of signing keys.
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

/// Checks that the database of a key file exists and is not empty, before the start creates any file.
///
/// The first start creates the database before the key, so an interrupted start never leaves a key without a database.
///
/// # Errors
/// [`DatabaseLost`] with what to do.
pub(crate) fn check(database: &Path) -> Result<(), DatabaseLost> {
    // An interrupted restore has its own error when the database is opened.
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
