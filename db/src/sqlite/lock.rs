//! A lock on a file beside the database: one process per database file.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kit::file_lock::lock_within;
use kit::handover::create_file;
use rustix::fs::OFlags;

use super::files::{RESTORING, beside, unwritable};
use crate::OpenError;

/// Longest time that a starting process waits for the process that it replaces.
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);

/// Suffix of the lock's file.
const LOCK_SUFFIX: &str = "-lock";

/// The lock of a database, held until it is dropped or the process ends.
#[derive(Debug)]
pub struct FileLock(#[expect(dead_code, reason = "the open file is the lock")] File);

impl FileLock {
    /// Takes the lock of the database at `path`. Waits two seconds for another process that holds it.
    ///
    /// The lock is on a file of its own: SQLite's locks on the database itself would be dropped as soon as any
    /// descriptor of that file is closed (sqlite.org/howtocorrupt.html §2.2).
    ///
    /// # Errors
    /// [`OpenError::InUse`] or [`OpenError::Unwritable`].
    pub async fn take(path: &Path) -> Result<Self, OpenError> {
        let lock = beside(path, LOCK_SUFFIX);
        let file = open_or_create(&lock).map_err(|error| unwritable(&lock, &error))?;
        let waits = || tracing::debug!("{} is in use by another process: waiting for its end", path.display());
        match lock_within(&file, LOCK_TIMEOUT, waits).await {
            Ok(true) => Ok(Self(file)),
            Ok(false) => Err(OpenError::InUse(path.display().to_string())),
            Err(error) => Err(unwritable(path, &error)),
        }
    }

    /// Takes the lock of the database that `path` leads to, and refuses a database with an unfinished restore.
    ///
    /// # Errors
    /// [`OpenError`]; its text says what to do.
    pub async fn take_whole(path: &Path) -> Result<Self, OpenError> {
        let lock = Self::take(&real(path)).await?;
        if beside(path, RESTORING).symlink_metadata().is_ok() {
            return Err(OpenError::Restoring(path.display().to_string()));
        }
        Ok(lock)
    }

    /// Returns true if a process holds the database at `path`. A process that tries to take the lock during this check
    /// tries again.
    pub fn is_held(path: &Path) -> bool {
        File::open(beside(&real(path), LOCK_SUFFIX))
            .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }
}

/// Opens the lock's file, or creates it for the folder's owner. Does not follow a link: otherwise the folder's owner
/// could direct root to any file.
fn open_or_create(lock: &Path) -> io::Result<File> {
    match create_file(lock) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            OpenOptions::new().write(true).custom_flags(OFlags::NOFOLLOW.bits().cast_signed()).open(lock)
        }
        made => made,
    }
}

/// Returns the real path, so that a symbolic link and its target share one lock.
pub(super) fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[tokio::test]
    async fn lock_file_link_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let (database, elsewhere) = (folder.path().join("a.db"), folder.path().join("elsewhere"));
        symlink(&elsewhere, beside(&database, LOCK_SUFFIX)).unwrap();
        let refused = FileLock::take(&database).await.unwrap_err().to_string();
        assert!(refused.contains("a.db-lock cannot be written ("), "{refused}");
        assert!(!elsewhere.exists(), "a dangling link creates no file");
        fs::write(&elsewhere, "").unwrap();
        assert!(matches!(FileLock::take(&database).await, Err(OpenError::Unwritable(..))));
        fs::remove_file(beside(&database, LOCK_SUFFIX)).unwrap();
        FileLock::take(&database).await.unwrap();
    }
}
