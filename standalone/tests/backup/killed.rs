//! A backup or a restore that is killed before any of its writes is never taken for a complete one.

use std::fs;
use std::path::Path;

use gatepost::api::auth::v1::TokenState;
use testkit::disk::{Disk, writes};

use super::calls::{log_in, post, posts, register, state};
use super::command::{backup, command, names, refuses, restore, succeeds};
use super::pair::{Pair, fails, folder, gatepost};

/// Runs a pair with a user and a post in this folder until it is stopped. Returns the user's token.
async fn used_pair(data: &Path) -> String {
    let pair = Pair::start(data, &[]);
    let token = register(&pair.auth, "ada@example.com").await;
    post(&pair.blog, &token, "First").await;
    pair.stop();
    token
}

/// Returns `true` if the command was killed before it ended.
fn is_killed(name: &str, kept: &Path, data: &Path, disk: &Disk) -> bool {
    let ended = disk.apply(&mut command(name, kept, data)).output().unwrap();
    assert!(ended.status.success() || ended.status.code().is_none(), "{}", String::from_utf8_lossy(&ended.stderr));
    !ended.status.success()
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_backup_is_not_a_backup() {
    let place = folder();
    // The path as the process names it, without links.
    let root = fs::canonicalize(place.path()).unwrap();
    let data = root.join("data");
    used_pair(&data).await;
    let mut step = 1;
    loop {
        let kept = root.join(format!("kept-{step}"));
        let disk = Disk::for_path(&kept).with_names().kill_at(step);
        if !is_killed("backup", &kept, &data, &disk) {
            break;
        }
        let new = root.join("new");
        let said = refuses(&restore(&kept, &new), 1);
        assert!(said.contains("is not a backup: it has no backup.json"), "{said}");
        assert!(!new.exists() && !kept.exists());
        let unfinished = format!("kept-{step}.unfinished-");
        assert_eq!(names(&root).iter().filter(|name| name.starts_with(&unfinished)).count(), 1);
        step += 1;
    }
    assert!(step > 20, "only {step} steps were tried");
    // The original is unharmed, and the next backup is complete.
    succeeds(&backup(&root.join("kept"), &data));
    println!("killed before each of {} steps", step - 1);
}

/// Checks that the pair does not run on an incomplete restore, and that the next restore completes it.
async fn restore_completes(kept: &Path, new: &Path, token: &str) {
    if names(new).iter().any(|name| !name.ends_with("-lock")) {
        let listen = ["--auth-listen", "127.0.0.1:0", "--blog-listen", "127.0.0.1:0", "--data-dir"];
        let (code, said) = fails(gatepost().args(listen).arg(new));
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("has an interrupted restore: run the same `gatepost restore` again"), "{said}");
    }
    succeeds(&restore(kept, new));
    assert_eq!(names(new).iter().filter(|name| name.ends_with("-restoring")).count(), 0, "{:?}", names(new));
    let pair = Pair::start(new, &[]);
    assert_eq!(state(&pair.auth, token).await, TokenState::Revoked);
    let token = log_in(&pair.auth, "ada@example.com").await.unwrap();
    assert_eq!(posts(&pair.blog, &token).await, Ok(vec!["First: Content of First.".to_owned()]));
    pair.stop();
}

/// A killed restore is never taken for a complete one, and a second one completes it.
#[tokio::test(flavor = "multi_thread")]
async fn killed_restore_is_never_partial_and_can_resume() {
    let place = folder();
    let root = fs::canonicalize(place.path()).unwrap();
    let (data, kept, count) = (root.join("data"), root.join("kept"), root.join("count"));
    let token = used_pair(&data).await;
    succeeds(&backup(&kept, &data));
    let new = root.join("new-0");
    assert!(!is_killed("restore", &kept, &new, &Disk::for_path(&new).with_names().count_in(&count)));
    let all = writes(&count);
    assert!(all >= 12, "only {all} steps were seen");
    for step in 1..=all {
        let new = root.join(format!("new-{step}"));
        assert!(is_killed("restore", &kept, &new, &Disk::for_path(&new).with_names().kill_at(step)));
        restore_completes(&kept, &new, &token).await;
    }
    println!("killed before each of {all} steps");
}
