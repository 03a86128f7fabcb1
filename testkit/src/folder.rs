//! Temporary folders.

use tempfile::TempDir;

/// Creates a folder; dropping the value removes it.
///
/// # Panics
/// Panics if the machine has no temporary folder, because no test can run then.
#[expect(clippy::expect_used, reason = "no test can run without a folder")]
pub fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// Creates a folder in memory, if the machine has `/dev/shm`, for tests with many writes.
///
/// # Panics
/// Panics like [`folder`].
pub fn folder_in_memory() -> TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| folder())
}
