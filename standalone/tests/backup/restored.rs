//! Content of a restored backup: everything acknowledged before, and no session.

use std::fs;
use std::path::Path;

use gatepost::api::auth::v1::TokenState;
use sqlx::migrate::Migrator;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _};

use super::calls::{ADMIN, api_key, log_in, post, posts, register, state};
use super::command::{backup, command, mode, names, restore, run, succeeds};
use super::pair::{Pair, folder};

const FILES: [&str; 4] = ["auth.db", "auth.key.pem", "backup.json", "blog.db"];

/// A backup of a running pair is restored with its posts and without its sessions.
#[tokio::test(flavor = "multi_thread")]
async fn backup_of_a_running_pair_restores_its_posts() {
    let place = folder();
    let (data, kept, new) = (place.path().join("data"), place.path().join("kept"), place.path().join("new"));
    let pair = Pair::start(&data, &[]);
    let before = register(&pair.auth, "ada@example.com").await;
    post(&pair.blog, &before, "First").await;
    succeeds(&backup(&kept, &data));
    assert_eq!(names(&kept), FILES);
    assert_eq!(mode(&kept), 0o700);
    assert!(FILES.iter().all(|file| mode(&kept.join(file)) == 0o600));
    assert_eq!(names(place.path()), ["data", "kept"], "no other file is left");
    // The pair continues; later changes are not in the backup.
    let after = log_in(&pair.auth, "ada@example.com").await.unwrap();
    let bob = register(&pair.auth, "bob@example.com").await;
    post(&pair.blog, &before, "Second").await;
    pair.stop();

    let ended = restore(&kept, &new);
    succeeds(&ended);
    assert!(ended.said.contains("all users have to log in again"), "{}", ended.said);
    assert_eq!(names(&new), ["auth.db", "auth.db-lock", "auth.key.pem", "blog.db", "blog.db-lock"]);
    assert!(mode(&new) == 0o700 && names(&new).iter().all(|file| mode(&new.join(file)) == 0o600));
    let key = |folder: &Path| fs::read_to_string(folder.join("auth.key.pem")).unwrap();
    assert_eq!(key(&new), key(&data));
    let pair = Pair::start(&new, &[]);
    for token in [&before, &after] {
        assert_eq!(state(&pair.auth, token).await, TokenState::Revoked);
        assert_eq!(posts(&pair.blog, token).await, Err("TOKEN_REVOKED".into()));
    }
    assert_eq!(state(&pair.auth, &bob).await, TokenState::Revoked, "Bob registered after the backup");
    let token = log_in(&pair.auth, "ada@example.com").await.unwrap();
    assert_eq!(posts(&pair.blog, &token).await, Ok(vec!["First: Content of First.".to_owned()]));
    pair.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn backup_of_a_stopped_pair_leaves_no_wal_file() {
    let place = folder();
    let (data, kept, new) = (place.path().join("data"), place.path().join("kept"), place.path().join("new"));
    let pair = Pair::start(&data, &[]);
    let token = register(&pair.auth, "ada@example.com").await;
    post(&pair.blog, &token, "First").await;
    pair.stop();
    succeeds(&backup(&kept, &data));
    assert_eq!(names(&data), ["auth.db", "auth.db-lock", "auth.db-witness", "auth.key.pem", "blog.db", "blog.db-lock"]);
    // The original still works.
    let pair = Pair::start(&data, &[]);
    assert_eq!(state(&pair.auth, &token).await, TokenState::Active);
    pair.stop();
    fs::create_dir(&new).unwrap();
    succeeds(&restore(&kept, &new));
    let pair = Pair::start(&new, &[]);
    assert_eq!(state(&pair.auth, &token).await, TokenState::Revoked);
    pair.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn session_ended_after_the_backup_stays_dead() {
    let place = folder();
    let (data, kept, new) = (place.path().join("data"), place.path().join("kept"), place.path().join("new"));
    // With a secret key there is no key file: the same key signs before the backup and after the restore.
    let secret = [("JWT_SECRET_KEY", "thicket-marimba-oblong-quince-42-umbel")];
    let pair = Pair::start(&data, &secret);
    let token = register(&pair.auth, "ada@example.com").await;
    succeeds(&backup(&kept, &data));
    assert_eq!(names(&kept), ["auth.db", "backup.json", "blog.db"]);
    pair.stop();
    succeeds(&restore(&kept, &new));
    let pair = Pair::start(&new, &secret);
    assert_eq!(state(&pair.auth, &token).await, TokenState::Revoked);
    log_in(&pair.auth, "ada@example.com").await.unwrap();
    pair.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn api_key_is_revoked_unless_it_is_kept() {
    let place = folder();
    let (data, kept) = (place.path().join("data"), place.path().join("kept"));
    let pair = Pair::start(&data, &ADMIN);
    let key = api_key(&pair.auth).await;
    succeeds(&backup(&kept, &data));
    pair.stop();
    for (name, flags, wanted, said) in [
        ("new", &[][..], TokenState::Revoked, "All API keys of the backup are revoked"),
        ("again", &["--keep-api-keys"], TokenState::Active, "API keys are those of the backup"),
    ] {
        let new = place.path().join(name);
        let ended = run(command("restore", &kept, &new).args(flags), place.path());
        succeeds(&ended);
        assert!(ended.said.contains(said), "{}", ended.said);
        let pair = Pair::start(&new, &ADMIN);
        assert_eq!(state(&pair.auth, &key).await, wanted);
        pair.stop();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_service_is_saved_and_restored_by_its_flag() {
    let place = folder();
    let (data, kept) = (place.path().join("data"), place.path().join("kept"));
    let pair = Pair::start(&data, &[]);
    register(&pair.auth, "ada@example.com").await;
    pair.stop();
    let file = |name: &str| format!("sqlite:{}", place.path().join(name).display());
    let named =
        |name, url: &str| run(command(name, &kept, Path::new("nowhere")).args(["--auth-database-url", url]), &data);
    succeeds(&named("backup", &file("data/auth.db")));
    assert_eq!(names(&kept), ["auth.db", "auth.key.pem", "backup.json"]);
    succeeds(&named("restore", &file("users/of-all.db")));
    assert_eq!(names(&place.path().join("users")), ["of-all.db", "of-all.db-lock", "of-all.key.pem"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn older_backup_is_restored_in_its_old_version() {
    let place = folder();
    let (data, kept, new) = (place.path().join("data"), place.path().join("kept"), place.path().join("new"));
    let pair = Pair::start(&data, &[]);
    let token = register(&pair.auth, "ada@example.com").await;
    pair.stop();
    undo_third_migration(&data).await;
    succeeds(&backup(&kept, &data));
    let manifest = fs::read_to_string(kept.join("backup.json")).unwrap();
    assert_eq!(manifest.matches("\"migration\": 2").count(), 1, "only of the auth service: {manifest}");
    succeeds(&restore(&kept, &new));
    let pair = Pair::start(&new, &[]);
    assert_eq!(state(&pair.auth, &token).await, TokenState::Revoked);
    log_in(&pair.auth, "ada@example.com").await.unwrap();
    pair.stop();
}

/// Rewrites `auth.db` with the schema before the third migration, and keeps its users and sessions.
async fn undo_third_migration(data: &Path) {
    const COPY: &str = "insert into users select id, name, email, email_key, password_hash, roles, state, generation, \
             sessions_since, revision, create_time, update_time from later.users; \
         insert into sessions (id, user_id, generation, create_time, expire_time) \
             select id, user_id, generation, create_time, expire_time from later.sessions; detach later";
    let (file, old) = (data.join("auth.db"), data.join("old.db"));
    let mut database = SqliteConnectOptions::new().filename(&old).create_if_missing(true).connect().await.unwrap();
    let migrations = Path::new(env!("CARGO_MANIFEST_DIR")).join("../auth-service/migrations/sqlite");
    Migrator::new(migrations).await.unwrap().run_direct(Some(2), &mut database, false).await.unwrap();
    let attach = format!("attach '{}' as later", file.display());
    database.execute(AssertSqlSafe(attach)).await.unwrap();
    database.execute(COPY).await.unwrap();
    database.close().await.unwrap();
    fs::rename(old, file).unwrap();
    // The older version wrote no witness.
    fs::remove_file(data.join("auth.db-witness")).unwrap();
}
