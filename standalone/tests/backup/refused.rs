//! Refused backups and restores: each gives one sentence and changes nothing.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use testkit::Outsider;

use super::command::{backup, command, names, refuses, restore, run, succeeds};
use super::pair::{Pair, folder};

/// Returns a folder with the data of a stopped pair, and a backup of it.
fn backed_up() -> (TempDir, PathBuf, PathBuf) {
    let place = folder();
    let (data, kept) = (place.path().join("data"), place.path().join("kept"));
    Pair::start(&data, &[]).stop();
    succeeds(&backup(&kept, &data));
    (place, data, kept)
}

fn altered(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(file, text.replace(from, to)).unwrap();
}

#[test]
fn backup_replaces_no_file() {
    let (_place, data, kept) = backed_up();
    let before = fs::read(kept.join("backup.json")).unwrap();
    let said = refuses(&backup(&kept, &data), 1);
    assert!(said.ends_with("exists and is not empty: name a new folder"), "{said}");
    assert_eq!(fs::read(kept.join("backup.json")).unwrap(), before);
}

#[test]
fn backup_of_a_foreign_database_is_refused() {
    let (place, data, _) = backed_up();
    let to = place.path().join("other");
    let named = |flag: &str, url: &str| run(command("backup", &to, &data).args([flag, url]), &data);
    let file = |name: &str| format!("sqlite:{}", data.join(name).display());
    for (flag, url, code, sentence) in [
        ("--auth-database-url", file("blog.db"), 1, "is not a database of this service (migration 1 differs)"),
        ("--blog-database-url", file("auth.key.pem"), 1, "is not a database of this service (file is not a database)"),
        ("--blog-database-url", file("none.db"), 1, "is not there: name the place"),
        ("--blog-database-url", "postgres://u:plover@h/d".into(), 2, "is backed up by pg_dump"),
    ] {
        let said = refuses(&named(flag, &url), code);
        assert!(said.contains(sentence) && !said.contains("plover"), "{said}");
    }
    let said = refuses(&backup(&to, &place.path().join("nowhere")), 1);
    assert!(said.contains("blog.db is missing: name the folder with --data-dir"), "{said}");
    assert_eq!(names(place.path()), ["data", "kept"], "no file is left");
}

/// The files are those of a killed service whose write-ahead log is lost.
#[test]
fn database_with_lost_commits_is_not_saved() {
    let place = folder();
    let (data, killed) = (place.path().join("data"), place.path().join("killed"));
    let pair = Pair::start(&data, &[]);
    fs::create_dir(&killed).unwrap();
    for name in names(&data) {
        fs::copy(data.join(&name), killed.join(&name)).unwrap();
    }
    pair.stop();
    fs::remove_file(killed.join("auth.db-wal")).unwrap();
    let said = refuses(&backup(&place.path().join("kept"), &killed), 1);
    assert!(said.contains("auth.db may have lost commits") && said.contains("start the service on it once"), "{said}");
    assert_eq!(names(place.path()), ["data", "killed"], "no file is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn newer_database_is_neither_saved_nor_restored() {
    let (place, data, kept) = backed_up();
    let later = "insert into _sqlx_migrations values (9999, 'later', '2030-01-01', 1, x'00', 1)";
    let mut outsider = Outsider::open(data.join("blog.db")).await;
    outsider.run(later).await;
    outsider.close().await;
    let newer = "was written by a newer version (migration 9999 is unknown): use the `gatepost` of that version";
    let said = refuses(&backup(&place.path().join("other"), &data), 1);
    assert!(said.contains(newer), "{said}");
    // A later version would create this backup: its manifest fits the newer file.
    fs::copy(data.join("blog.db"), kept.join("blog.db")).unwrap();
    rewrite(&kept, "blog.db");
    let new = place.path().join("new");
    let said = refuses(&restore(&kept, &new), 1);
    assert!(said.contains(newer), "{said}");
    assert_eq!(names(&new), ["auth.db-lock", "blog.db-lock"], "no file is restored");
}

#[tokio::test(flavor = "multi_thread")]
async fn dangling_row_is_found_before_the_restore() {
    let (place, _, kept) = backed_up();
    let mut outsider = Outsider::open(kept.join("auth.db")).await;
    outsider.run("pragma foreign_keys = off").await;
    outsider.run("pragma journal_mode = delete").await;
    outsider.run("insert into user_roles (role, user_id) values ('admin', x'00112233445566778899aabbccddeeff')").await;
    outsider.close().await;
    rewrite(&kept, "auth.db");
    let new = place.path().join("new");
    let said = refuses(&restore(&kept, &new), 1);
    assert!(
        said.contains("is damaged (a row of user_roles refers to a missing row): use a backup from before that"),
        "{said}"
    );
    assert!(names(&new).iter().all(|name| name.ends_with("-lock")), "no file is restored");
}

/// Updates the manifest to the current file.
fn rewrite(kept: &Path, name: &str) {
    use sha2::{Digest as _, Sha256};
    let bytes = fs::read(kept.join(name)).unwrap();
    let path = kept.join("backup.json");
    let mut manifest: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    for entry in manifest["files"].as_array_mut().unwrap() {
        if entry["name"] == name {
            let digits = Sha256::digest(&bytes).into_iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
            let digest: String = digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect();
            entry["sha256"] = digest.into();
            entry["bytes"] = bytes.len().into();
        }
    }
    fs::write(path, manifest.to_string()).unwrap();
}

/// A change made to a backup.
type Change = fn(&Path);

#[test]
fn changed_backup_is_not_restored() {
    let changes: [(&str, Change); 9] = [
        ("is not a backup: it has no backup.json", |kept| fs::remove_file(kept.join("backup.json")).unwrap()),
        ("has format 2, which this version does not know", |kept| {
            altered(&kept.join("backup.json"), "\"format\": 1", "\"format\": 2");
        }),
        ("is malformed", |kept| fs::write(kept.join("backup.json"), "{").unwrap()),
        ("names an unknown file", |kept| {
            altered(&kept.join("backup.json"), "auth.key.pem", "../auth.key.pem");
        }),
        ("auth.key.pem is missing", |kept| fs::remove_file(kept.join("auth.key.pem")).unwrap()),
        ("notes.txt is not named in backup.json", |kept| fs::write(kept.join("notes.txt"), "").unwrap()),
        ("auth.db has been altered", |kept| {
            let mut bytes = fs::read(kept.join("auth.db")).unwrap();
            bytes[5000] ^= 1;
            fs::write(kept.join("auth.db"), bytes).unwrap();
        }),
        ("blog.db has been altered", |kept| {
            let bytes = fs::read(kept.join("blog.db")).unwrap();
            fs::write(kept.join("blog.db"), &bytes[..bytes.len() - 4096]).unwrap();
        }),
        ("blog.db is damaged", |kept| {
            // The manifest fits, so that only SQLite can find the damage.
            let mut bytes = fs::read(kept.join("blog.db")).unwrap();
            let last = bytes.len() - 4096;
            bytes[last..].fill(0x55);
            fs::write(kept.join("blog.db"), bytes).unwrap();
            rewrite(kept, "blog.db");
        }),
    ];
    for (sentence, change) in changes {
        let (place, _, kept) = backed_up();
        change(&kept);
        let new = place.path().join("new");
        let said = refuses(&restore(&kept, &new), 1);
        assert!(said.contains(sentence), "{sentence}: {said}");
        assert!(names(&new).iter().all(|name| name.ends_with("-lock")), "{sentence}: {:?}", names(&new));
    }
}

#[test]
fn restore_replaces_no_data_and_no_running_service() {
    let (place, data, kept) = backed_up();
    let pair = Pair::start(&data, &[]);
    let said = refuses(&restore(&kept, &data), 1);
    assert!(said.contains("is in use by another process: stop that process first"), "{said}");
    pair.stop();
    for (name, number) in ["auth.db", "blog.db", "auth.key.pem", "auth.db-wal", "blog.db-journal"].iter().zip(1..) {
        let new = place.path().join(format!("new-{number}"));
        fs::create_dir(&new).unwrap();
        fs::write(new.join(name), "mine").unwrap();
        let said = refuses(&restore(&kept, &new), 1);
        assert!(said.contains(&format!("{name} exists, and a restore replaces nothing")), "{said}");
        assert_eq!(fs::read(new.join(name)).unwrap(), b"mine");
        assert!(names(&new).iter().all(|found| found == name || found.ends_with("-lock")));
    }
}
