//! Existing folders that cannot be replaced: a mount point, and the target of a link.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use testkit::disk::Disk;

use super::command::{backup, command, names, refuses, restore, succeeds};
use super::pair::{Pair, folder, tool};

const FILES: [&str; 4] = ["auth.db", "auth.key.pem", "backup.json", "blog.db"];

/// Mounts a file system on `$1`, with the folder that ext4 creates at its top. Then backs up into it, and restores from
/// it.
const ON_A_DISK: &str = r#"mount -t tmpfs -o size=8m,mode=0700 gatepost "$1" && mkdir "$1/lost+found" &&
    "$0" backup "$1" --data-dir "$2" && "$0" restore "$1" --data-dir "$3" && ls "$1""#;

/// Runs a script in a name space where it may mount; its first word is the program `gatepost`.
fn unshared(script: &str, arguments: [&Path; 3]) -> Output {
    let mut command = Command::new("unshare");
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").stdin(Stdio::null());
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script, env!("CARGO_BIN_EXE_gatepost")]);
    command.args(arguments).output().unwrap()
}

#[test]
fn backup_goes_into_an_empty_mount_point() {
    if tool("GATEPOST_FULL_DISK", "run") == "skip" {
        println!("skipped: GATEPOST_FULL_DISK=skip, so no file system was mounted");
        return;
    }
    let place = folder();
    let [data, disk, new] = ["data", "disk", "new"].map(|name| place.path().join(name));
    Pair::start(&data, &[]).stop();
    fs::create_dir(&disk).unwrap();
    let ended = unshared(ON_A_DISK, [&disk, &data, &new]);
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(ended.status.success(), "{said}{}", String::from_utf8_lossy(&ended.stderr));
    let listed: Vec<_> = said.lines().rev().take(5).collect();
    assert_eq!(listed, ["lost+found", "blog.db", "backup.json", "auth.key.pem", "auth.db"]);
    assert_eq!(names(place.path()), ["data", "disk", "new"], "no other file is created");
    Pair::start(&new, &[]).stop();
}

#[test]
fn backup_goes_into_the_empty_folder_of_a_link() {
    let place = folder();
    let [data, real, link, new] = ["data", "real", "link", "new"].map(|name| place.path().join(name));
    Pair::start(&data, &[]).stop();
    fs::create_dir(&real).unwrap();
    symlink(&real, &link).unwrap();
    succeeds(&backup(&link, &data));
    assert_eq!(names(&real), FILES);
    assert!(link.symlink_metadata().unwrap().is_symlink());
    succeeds(&restore(&link, &new));
    Pair::start(&new, &[]).stop();
    assert!(refuses(&backup(&link, &data), 1).ends_with("exists and is not empty: name a new folder"));
}

#[test]
fn failed_backup_leaves_its_folder_empty() {
    let place = folder();
    let [data, kept] = ["data", "kept"].map(|name| place.path().join(name));
    Pair::start(&data, &[]).stop();
    fs::create_dir(&kept).unwrap();
    fs::write(data.join("auth.db"), "no database").unwrap();
    assert!(refuses(&backup(&kept, &data), 1).contains("auth.db is not a database of this service"));
    assert_eq!(names(&kept), [""; 0]);
}

#[test]
fn killed_backup_into_a_folder_is_not_a_backup() {
    let place = folder();
    let root = fs::canonicalize(place.path()).unwrap();
    let data = root.join("data");
    Pair::start(&data, &[]).stop();
    let mut step = 1;
    loop {
        let kept = root.join(format!("kept-{step}"));
        fs::create_dir(&kept).unwrap();
        let disk = Disk::for_path(&kept).with_names().kill_at(step);
        let ended = disk.apply(&mut command("backup", &kept, &data)).output().unwrap();
        if ended.status.success() {
            break;
        }
        assert_eq!(ended.status.code(), None, "{}", String::from_utf8_lossy(&ended.stderr));
        let said = refuses(&restore(&kept, &root.join("new")), 1);
        assert!(said.contains("is not a backup: it has no backup.json"), "{said}");
        let said = refuses(&backup(&kept, &data), 1);
        assert!(said.contains("exists and is not empty"), "{said}");
        step += 1;
    }
    assert!(step > 10, "only {step} steps were tried");
}
