//! The documented commands for PostgreSQL work as written, and end every session.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use gatepost::api::auth::v1::TokenState;

use super::calls::{ADMIN, api_key, log_in, post, posts, register, state};
use super::pair::{folder, tool};
use super::service::{SEALED, Service, Which, command};

const OPERATIONS: &str = include_str!("../../../docs/operations/backup.md");

/// Returns the shell blocks under "PostgreSQL" that use PostgreSQL's programs; those of compose do not fit this
/// server.
fn blocks() -> [&'static str; 2] {
    let section = OPERATIONS.split("\n## PostgreSQL\n").nth(1).expect("the section");
    let section = section.split("\n## ").next().unwrap();
    let blocks = section.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let is_ours = |block: &&str| block.contains("pg_") && !block.contains("docker compose");
    let ours: Vec<_> = blocks.filter(is_ours).collect();
    ours.try_into().expect("a block for the backup and one for the restore")
}

/// Returns `PATH` with PostgreSQL's programs in front: Debian's newest ones.
fn path() -> String {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = versions.map(|version| version.path().join("bin")).collect();
    folders
        .sort_by_key(|folder| folder.parent().and_then(|version| version.file_name()?.to_str()?.parse::<u32>().ok()));
    let debian = folders.pop().map(|folder| format!("{}:", folder.display())).unwrap_or_default();
    format!("{debian}{}", tool("PATH", "/usr/bin:/bin"))
}

#[track_caller]
fn run(script: &str, folder: &Path, [auth, blog]: [&str; 2]) {
    let mut command = Command::new("bash");
    command.args(["-euo", "pipefail", "-c", script]).current_dir(folder).env_clear();
    let ended =
        command.env("PATH", path()).env("AUTH_DATABASE_URL", auth).env("BLOG_DATABASE_URL", blog).output().unwrap();
    assert!(ended.status.success(), "{script}\n{}", String::from_utf8_lossy(&ended.stderr));
}

fn start([auth, blog]: [&str; 2]) -> (Service, Service, [String; 2]) {
    let mut users = Service::start_with(Which::Auth, auth, &[SEALED[0], ADMIN[0], ADMIN[1]]);
    let at = users.serves();
    let mut command = command(Which::Blog, blog);
    let mut posts = Service::spawn(command.args(["--auth-url", &format!("http://{at}")]), Vec::new());
    let blog_at = posts.serves();
    (users, posts, [at, blog_at])
}

#[tokio::test(flavor = "multi_thread")]
async fn documented_postgresql_commands_save_and_restore() {
    let Some(auth) = testkit::postgres::database().await else { return };
    let others = [
        testkit::postgres::database().await.unwrap(),
        testkit::postgres::database().await.unwrap(),
        testkit::postgres::database().await.unwrap(),
    ];
    let [blog, new_auth, new_blog] = &others;
    let place = folder();
    let (users, posting, [auth_at, blog_at]) = start([&auth.url, &blog.url]);
    let token = register(&auth_at, "ada@example.com").await;
    post(&blog_at, &token, "First").await;
    let key = api_key(&auth_at).await;
    let [backup, restore] = blocks();
    run(backup, place.path(), [&auth.url, &blog.url]);
    let later = log_in(&auth_at, "ada@example.com").await.unwrap();
    users.stop();
    posting.stop();

    run(restore, place.path(), [&new_auth.url, &new_blog.url]);
    let (users, posting, [auth_at, blog_at]) = start([&new_auth.url, &new_blog.url]);
    for old in [&token, &later, &key] {
        assert_eq!(state(&auth_at, old).await, TokenState::Revoked);
        assert_eq!(posts(&blog_at, old).await, Err("TOKEN_REVOKED".into()));
    }
    let token = log_in(&auth_at, "ada@example.com").await.unwrap();
    assert_eq!(posts(&blog_at, &token).await, Ok(vec!["First: Content of First.".to_owned()]));
    users.stop();
    posting.stop();
}
