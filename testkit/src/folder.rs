//! Folders that vanish with their values.

use tempfile::TempDir;

/// A new folder that is removed when the value is dropped.
///
/// # Panics
/// When the machine gives no temporary folder: no test can run then.
#[expect(clippy::expect_used, reason = "no test can run without a folder")]
pub fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// The same in the machine's memory, where it has a folder for that: for tests that write much and lose nothing by it.
///
/// # Panics
/// As [`folder`].
pub fn folder_in_memory() -> TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| folder())
}
