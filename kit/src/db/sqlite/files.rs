//! The database's folder and file, for this user alone.

use std::fs::{DirBuilder, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use crate::db::OpenError;

/// Makes the folder for this user alone.
pub(super) fn make_folder(path: &Path) -> Result<(), OpenError> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(|error| unwritable(path, &error))?;
    }
    Ok(())
}

/// Makes the file for this user alone, before SQLite would make it for everybody. A file that stands is not opened: to
/// close it again would drop SQLite's locks on it.
pub(super) fn make_file(path: &Path) -> Result<(), OpenError> {
    match OpenOptions::new().create_new(true).write(true).mode(0o600).open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(unwritable(path, &error)),
    }
}

pub(super) fn unwritable(path: &Path, error: &io::Error) -> OpenError {
    OpenError::Unwritable(path.display().to_string(), error.kind().to_string())
}
