//! A disk that fails when it is told to: the environment of a process that writes through `disk.c`.
//!
//! The library stands between a program and its libc. The bundled `SQLite` is part of our binaries and still asks libc for
//! each write and each sync, so nothing of ours has to know. What maps a file into its memory writes unseen: of `SQLite`'s
//! files, `-shm`, which nobody needs after a crash.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The library for `LD_PRELOAD`. Its build folder keeps it, so nobody has to remove it.
///
/// # Panics
/// Where the path has a space or a colon, which `LD_PRELOAD` takes for its end, and on systems that are not Linux.
pub fn shim() -> PathBuf {
    let path = env!("OUT_DIR");
    assert!(!path.contains([' ', ':']), "LD_PRELOAD cannot name {path}: build in another folder");
    let shim = Path::new(path).join("disk.so");
    assert!(shim.is_file(), "{} is not there: disks fail on Linux alone", shim.display());
    shim
}

/// How the disk of a process fails, for files whose path contains a text; until it is told more, it does not.
///
/// Writes are those to regular files. Each process that inherits the environment counts for itself.
#[derive(Clone, Debug)]
#[must_use = "no process has this disk yet"]
pub struct Disk(Vec<(&'static str, OsString)>);

impl Disk {
    /// For files whose path, without symbolic links, contains this text.
    ///
    /// # Panics
    /// When the text is empty.
    pub fn for_path(path_part: impl AsRef<Path>) -> Self {
        let part = path_part.as_ref().as_os_str().to_owned();
        assert!(!part.is_empty(), "every path contains nothing");
        Self(vec![("GATEPOST_DISK_PATH", part)])
    }

    /// Each `fsync` and `fdatasync`, of folders too, takes this much longer; in whole microseconds.
    pub fn slow_sync(self, longer: Duration) -> Self {
        self.with("GATEPOST_DISK_SYNC_US", longer.as_micros().to_string())
    }

    /// The process is killed (`SIGKILL`) just before its `write`-th write; the first is 1. Those before have been done.
    pub fn kill_at(self, write: u64) -> Self {
        self.with("GATEPOST_DISK_KILL_AT", write.to_string())
    }

    /// The file holds how many writes there were, for [`writes`]; also when the process is killed.
    pub fn count_in(self, file: impl AsRef<Path>) -> Self {
        self.with("GATEPOST_DISK_COUNT", file.as_ref())
    }

    /// Names that are given and taken (`rename`, `link`, `unlink`) count as writes, too, by their paths as the program gives
    /// them.
    pub fn with_names(self) -> Self {
        self.with("GATEPOST_DISK_NAMES", "1")
    }

    /// While the file exists, writes, syncs and changes of a length fail with `EIO`, and are not counted.
    pub fn fail_while(self, file: impl AsRef<Path>) -> Self {
        self.with("GATEPOST_DISK_FAIL", file.as_ref())
    }

    /// While the file exists, they fail with `EROFS`. Files can still be made and removed.
    pub fn read_only_while(self, file: impl AsRef<Path>) -> Self {
        self.with("GATEPOST_DISK_READONLY", file.as_ref())
    }

    /// While the file exists, writes fail with `ENOSPC`, those to room that the file has already, too: the strictest of full
    /// disks. Syncs succeed.
    pub fn full_while(self, file: impl AsRef<Path>) -> Self {
        self.with("GATEPOST_DISK_FULL", file.as_ref())
    }

    /// Gives the disk to a command that is not running yet. The program must be linked dynamically.
    ///
    /// # Panics
    /// As [`shim`].
    pub fn apply<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.env("LD_PRELOAD", shim()).envs(self.0.iter().map(|(name, value)| (name, value)))
    }

    fn with(mut self, name: &'static str, value: impl AsRef<OsStr>) -> Self {
        self.0.push((name, value.as_ref().to_owned()));
        self
    }
}

/// How many writes the file of [`Disk::count_in`] holds; none when there was no write yet.
///
/// # Panics
/// When the file holds something else.
#[expect(clippy::expect_used, reason = "a drill that does not know where it is shows nothing")]
pub fn writes(file: impl AsRef<Path>) -> u64 {
    let held = std::fs::read_to_string(file).unwrap_or_default();
    if held.is_empty() { 0 } else { held.trim_end().parse().expect("the count of writes") }
}
