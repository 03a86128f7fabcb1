//! The database's folder and file, for the folder's owner alone.

use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use kit::handover::{create_file, create_folder};

use crate::OpenError;

/// What a file's name ends in while a restore is under way: no service opens a database that has such a file beside it.
pub const RESTORING: &str = "-restoring";

/// What SQLite puts beside a file. A log that is left of another file would be taken for this one's.
const COMPANION_SUFFIXES: [&str; 3] = ["-wal", "-shm", "-journal"];

/// The file beside `path` whose name ends in `suffix`.
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// The files that are there of the database at `path`: its own, and SQLite's beside it.
pub fn remains(path: &Path) -> Vec<PathBuf> {
    let all = [""].into_iter().chain(COMPANION_SUFFIXES).map(|suffix| beside(path, suffix));
    all.filter(|file| file.symlink_metadata().is_ok()).collect()
}

/// Makes the folder of the file at `path` where it is missing, for its owner alone: this user, or the owner of the folder
/// above.
///
/// # Errors
/// [`OpenError::Unwritable`].
pub fn make_folder(path: &Path) -> Result<(), OpenError> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        create_folder(folder).map_err(|error| unwritable(path, &error))?;
    }
    Ok(())
}

/// Makes the file for the folder's owner alone, before SQLite would make it for everybody. SQLite gives what root makes
/// beside a database to the database's owner. A file that stands is not opened: to close it again would drop SQLite's locks
/// on it.
///
/// # Errors
/// [`OpenError::Unwritable`].
pub fn make_file(path: &Path) -> Result<(), OpenError> {
    match create_file(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(unwritable(path, &error)),
    }
}

pub(super) fn unwritable(path: &Path, error: &io::Error) -> OpenError {
    OpenError::Unwritable(path.display().to_string(), error.kind().to_string())
}
