//! Errors of backup and restore.

use std::io;
use std::path::{Path, PathBuf};

use db::OpenError;

use super::snapshot::SnapshotError;

/// An error of backup or restore; its text says what to do.
#[derive(Debug, thiserror::Error)]
pub(super) enum BackupError {
    #[error("{} exists and is not empty: name a new folder", .0.display())]
    Occupied(PathBuf),
    #[error("{} cannot be used ({why}): remove the cause, then try again", file.display())]
    Unusable { file: PathBuf, why: String },
    #[error("{} is missing: name the folder with --data-dir, or the other service's database alone with {flag} sqlite:PATH",
            file.display())]
    Absent { file: PathBuf, flag: &'static str },
    #[error("stopped before the end: {} holds no backup", .0.display())]
    Stopped(PathBuf),
    #[error("{} is not a backup: it has no backup.json", .0.display())]
    NoBackup(PathBuf),
    #[error("backup.json is malformed ({0}): use another backup")]
    Garbled(String),
    #[error("backup.json has format {0}, which this version does not know: use the `gatepost` that made the backup")]
    Format(u64),
    #[error("{} is missing, though backup.json names it: use another backup", .0.display())]
    Missing(PathBuf),
    #[error("{} is not named in backup.json: move it out of the backup", .0.display())]
    Extra(PathBuf),
    #[error("{} has been altered since the backup was made: use another backup", .0.display())]
    Altered(PathBuf),
    #[error("the backup does not contain {0}: omit {1}, or use another backup")]
    NotHeld(&'static str, &'static str),
    #[error("the backup is empty: use another backup")]
    Empty,
    #[error("{} exists, and a restore replaces nothing: move it away, or restore into another folder",
            .0.display())]
    Taken(PathBuf),
    #[error("stopped before the end: nothing was restored")]
    NotRestored,
    #[error("the sessions of the restored users could not be ended ({0}): nothing was restored; try again")]
    Sessions(String),
    #[error(transparent)]
    Copy(#[from] SnapshotError),
    #[error(transparent)]
    Open(#[from] OpenError),
}

impl BackupError {
    /// Returns the error of a file or folder that cannot be read or written.
    pub(super) fn unreadable(path: &Path, error: &io::Error) -> Self {
        Self::Unusable { file: path.to_owned(), why: error.to_string() }
    }
}
