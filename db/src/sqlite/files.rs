//! The database's folder and file, which only the folder's owner can read.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use kit::handover::{create_file, create_folder};

use crate::OpenError;

/// Suffix of the file that marks a running restore: no service opens a database with such a file beside it.
pub const RESTORING: &str = "-restoring";

/// Suffix of the file with the number of a database's last commit.
pub(super) const WITNESS_SUFFIX: &str = "-witness";

/// Suffixes of the files that SQLite keeps beside a database. SQLite would mistake another database's leftover log for
/// the log of this database.
const COMPANION_SUFFIXES: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Returns the path of the file beside `path` with `suffix` appended to its name.
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Returns the existing files of the database at `path`: the database file, and SQLite's files beside it.
pub fn remains(path: &Path) -> Vec<PathBuf> {
    let all = [""].into_iter().chain(COMPANION_SUFFIXES).map(|suffix| beside(path, suffix));
    all.filter(|file| file.symlink_metadata().is_ok()).collect()
}

/// Creates the folder of the file at `path` if it is missing. Only its owner can read it: this user, or the owner of
/// the folder above.
///
/// # Errors
/// [`OpenError::Unwritable`].
pub fn make_folder(path: &Path) -> Result<(), OpenError> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        create_folder(folder).map_err(|error| unwritable(path, &error))?;
    }
    Ok(())
}

/// Creates the file so that only the folder's owner can read it; SQLite would let other users read it. If root runs
/// this, SQLite gives its own files beside the database to the database's owner. An existing file is not opened:
/// closing it would drop SQLite's locks on the file.
///
/// # Errors
/// [`OpenError::Unwritable`].
pub fn make_file(path: &Path) -> Result<(), OpenError> {
    match create_file(path) {
        Ok(_) => {
            // The witness of an earlier database says nothing about the new one.
            let _ = fs::remove_file(beside(path, WITNESS_SUFFIX));
            Ok(())
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(unwritable(path, &error)),
    }
}

pub(super) fn unwritable(path: &Path, error: &io::Error) -> OpenError {
    OpenError::Unwritable(path.display().to_string(), error.kind().to_string())
}
