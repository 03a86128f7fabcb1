//! A disk with faults on command: the environment of a process that writes through `disk.c`.
//!
//! The library intercepts a program's calls to libc. The bundled `SQLite` also calls libc for each write and sync, so
//! our code stays unchanged. Writes through a memory map are not intercepted. `SQLite` uses one for `-shm`, which a
//! recovery does not need.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Returns the path of the library for `LD_PRELOAD`, in the build folder.
///
/// # Panics
/// Panics if the path has a space or a colon, because these end an entry of `LD_PRELOAD`. Panics on systems other than
/// Linux.
pub fn shim() -> PathBuf {
    let path = env!("OUT_DIR");
    assert!(!path.contains([' ', ':']), "LD_PRELOAD cannot name {path}: build in another folder");
    let shim = Path::new(path).join("disk.so");
    assert!(shim.is_file(), "{} does not exist: disk faults need Linux", shim.display());
    shim
}

/// Disk faults of a process, for files whose path contains a text; none at first.
///
/// Only writes to regular files count. Each process that inherits the environment counts separately.
#[derive(Clone, Debug)]
#[must_use = "no process has this disk yet"]
pub struct Disk(Vec<(&'static str, OsString)>);

impl Disk {
    /// Returns faults for files whose path, without symbolic links, contains this text.
    ///
    /// # Panics
    /// Panics if the text is empty.
    pub fn for_path(path_part: impl AsRef<Path>) -> Self {
        let part = path_part.as_ref().as_os_str().to_owned();
        assert!(!part.is_empty(), "an empty text matches all paths");
        Self(vec![("GATEPOST_DISK_PATH", part)])
    }

    /// Delays each `fsync` and `fdatasync` by this time, in whole microseconds. This includes syncs of folders.
    pub fn slow_sync(self, longer: Duration) -> Self {
        self.with("GATEPOST_DISK_SYNC_US", longer.as_micros().to_string())
    }

    /// Kills the process (`SIGKILL`) before its `write`-th write; the first is 1. The earlier writes are done.
    pub fn kill_at(self, write: u64) -> Self {
        self.with("GATEPOST_DISK_KILL_AT", write.to_string())
    }

    /// Counts writes in this file, for [`writes`], also if the process is killed.
    pub fn count_in(self, file: impl AsRef<Path>) -> Self {
        self.with("GATEPOST_DISK_COUNT", file.as_ref())
    }

    /// Counts `rename`, `link` and `unlink` as writes, too, by the paths that the program passes.
    pub fn with_names(self) -> Self {
        self.with("GATEPOST_DISK_NAMES", "1")
    }

    /// Keeps the synced bytes of each file in this folder, which exists. A loss of power leaves them, and any of the
    /// later ones.
    pub fn synced_in(self, folder: impl AsRef<Path>) -> Self {
        self.with("GATEPOST_DISK_SYNCED", folder.as_ref())
    }

    /// Fails writes, syncs and changes of a length with `EIO` while the file exists. Failed calls are not counted.
    pub fn fail_while(self, file: impl AsRef<Path>) -> Self {
        self.with("GATEPOST_DISK_FAIL", file.as_ref())
    }

    /// Fails the same calls with `EROFS` while the file exists. Files can still be created and removed.
    pub fn read_only_while(self, file: impl AsRef<Path>) -> Self {
        self.with("GATEPOST_DISK_READONLY", file.as_ref())
    }

    /// Fails writes with `ENOSPC` while the file exists, also within the length of a file. Syncs succeed.
    pub fn full_while(self, file: impl AsRef<Path>) -> Self {
        self.with("GATEPOST_DISK_FULL", file.as_ref())
    }

    /// Applies the faults to a command before its start. The program must be dynamically linked.
    ///
    /// # Panics
    /// Panics like [`shim`].
    pub fn apply<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("LD_PRELOAD", shim()).envs(self.0.iter().map(|(name, value)| (name, value)))
    }

    /// Returns the environment variables of a process with these faults.
    ///
    /// # Panics
    /// Panics like [`shim`], or if a path is not UTF-8.
    #[expect(clippy::expect_used, reason = "the paths come from tests and drills")]
    pub fn environment(&self) -> Vec<(&'static str, String)> {
        let all = self.0.iter().cloned().chain([("LD_PRELOAD", shim().into_os_string())]);
        all.map(|(name, value)| (name, value.into_string().expect("a path in UTF-8"))).collect()
    }

    fn with(mut self, name: &'static str, value: impl AsRef<OsStr>) -> Self {
        self.0.push((name, value.as_ref().to_owned()));
        self
    }
}

/// Returns the number of writes in the file of [`Disk::count_in`]; 0 before the first write.
///
/// # Panics
/// Panics if the file has other content.
#[expect(clippy::expect_used, reason = "a drill that does not know where it is shows nothing")]
pub fn writes(file: impl AsRef<Path>) -> u64 {
    let held = std::fs::read_to_string(file).unwrap_or_default();
    if held.is_empty() { 0 } else { held.trim_end().parse().expect("the count of writes") }
}
