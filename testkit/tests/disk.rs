//! Disk faults on command, in programs that are not prepared for them.

#![cfg(test)]

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Connection as _, Executor as _};
use tempfile::TempDir;
use testkit::disk::{Disk, writes};

/// A folder with files to write to, a file that switches faults on, and a file that counts writes.
struct TestFolder(TempDir);

impl TestFolder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes four blocks of two bytes each to a file.
    fn write(&self, disk: &Disk, name: &str, more: &[&str]) -> Output {
        let mut dd = Command::new("dd");
        let to = format!("of={}", self.path(name).display());
        dd.args(["if=/dev/zero", "bs=2", "count=4", &to]).args(more).env("LC_ALL", "C");
        disk.apply(&mut dd).output().unwrap()
    }

    fn length(&self, name: &str) -> u64 {
        fs::metadata(self.path(name)).unwrap().len()
    }
}

/// Returns faults for the file `watched` and SQLite's files beside it.
fn watched() -> Disk {
    Disk::for_path("/watched")
}

fn stderr_text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn only_writes_to_watched_files_count() {
    let place = TestFolder::new();
    let counted = place.path("count");
    let disk = watched().count_in(&counted);
    assert!(place.write(&disk, "other", &[]).status.success());
    assert_eq!(writes(&counted), 0);
    assert!(place.write(&disk, "watched", &[]).status.success());
    assert_eq!(writes(&counted), 4);
    assert_eq!(place.length("watched"), 8);
}

#[test]
fn process_is_killed_before_its_nth_write() {
    for at in 1..=5 {
        let place = TestFolder::new();
        let counted = place.path("count");
        let output = place.write(&watched().kill_at(at).count_in(&counted), "watched", &[]);
        // dd makes only four writes.
        assert_eq!(output.status.signal(), (at < 5).then_some(9), "{at}");
        assert_eq!(place.length("watched"), (at - 1) * 2);
        assert_eq!(writes(&counted), at - 1);
    }
}

#[test]
fn writes_fail_while_a_file_exists() {
    let place = TestFolder::new();
    let switch = place.path("switch");
    for (disk, error) in [
        (watched().fail_while(&switch), "Input/output error"),
        (watched().read_only_while(&switch), "Read-only file system"),
    ] {
        assert!(place.write(&disk, "watched", &["conv=fsync"]).status.success());
        fs::write(&switch, "").unwrap();
        let output = place.write(&disk, "watched", &["conv=notrunc"]);
        assert!(
            stderr_text(&output).contains(&format!("error writing '{}': {error}", place.path("watched").display()))
        );
        assert!(place.write(&disk, "other", &["conv=fsync"]).status.success());
        // With `count=0` dd writes nothing, so only the sync can fail.
        for sync in ["conv=notrunc,fsync", "conv=notrunc,fdatasync"] {
            let output = place.write(&disk, "watched", &[sync, "count=0"]);
            assert!(stderr_text(&output).contains(error), "{sync}: {}", stderr_text(&output));
        }
        fs::remove_file(&switch).unwrap();
        assert!(place.write(&disk, "watched", &["conv=fsync"]).status.success());
    }
}

#[test]
fn full_disk_refuses_writes_but_not_syncs() {
    let place = TestFolder::new();
    let switch = place.path("switch");
    let disk = watched().full_while(&switch);
    assert!(place.write(&disk, "watched", &[]).status.success());
    fs::write(&switch, "").unwrap();
    let output = place.write(&disk, "watched", &["conv=notrunc"]);
    assert!(stderr_text(&output).contains("No space left on device"), "{}", stderr_text(&output));
    assert!(place.write(&disk, "watched", &["conv=notrunc,fsync", "count=0"]).status.success());
    assert!(place.write(&disk, "other", &[]).status.success());
    fs::remove_file(&switch).unwrap();
    assert!(place.write(&disk, "watched", &[]).status.success());
}

#[test]
fn syncs_take_longer() {
    let place = TestFolder::new();
    let longer = Duration::from_millis(200);
    let disk = watched().slow_sync(longer);
    for sync in ["conv=fsync", "conv=fdatasync"] {
        let began = Instant::now();
        assert!(place.write(&disk, "watched", &[sync]).status.success());
        assert!(began.elapsed() >= longer, "{sync}");
    }
}

/// Runs `commits_to_sqlite` in the folder.
fn commit(place: &TestFolder, disk: &Disk) -> Output {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "--ignored", "commits_to_sqlite"]).current_dir(place.0.path());
    disk.apply(&mut command).output().unwrap()
}

#[test]
fn sqlite_writes_are_intercepted() {
    let all = {
        let place = TestFolder::new();
        let counted = place.path("count");
        assert!(commit(&place, &watched().count_in(&counted)).status.success());
        writes(&counted)
    };
    assert!(all > 2, "{all} writes");
    let place = TestFolder::new();
    assert_eq!(commit(&place, &watched().kill_at(all)).status.signal(), Some(9));
    assert!(commit(&place, &watched()).status.success());
    fs::write(place.path("switch"), "").unwrap();
    assert!(!commit(&place, &watched().fail_while(place.path("switch"))).status.success());
}

#[tokio::test]
#[ignore = "runs as a process of sqlite_writes_are_intercepted"]
async fn commits_to_sqlite() {
    let options = SqliteConnectOptions::new().filename("watched.db").create_if_missing(true);
    let options = options.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    connection.execute("create table if not exists numbers (n int); insert into numbers values (1)").await.unwrap();
    connection.close().await.unwrap();
}
