//! Refusals of a copy: one sentence that says what to do, and both databases unchanged.

use std::fs;

use super::copying::{close, copies, copy, filled, rows};
use super::outsider::{Home, Outsider};
use super::pair::folder;
use super::service::{BOTH, MASTER_KEY, OTHER_MASTER_KEY, SEALED, Service, Which, file};

/// Tries to copy, and returns the one sentence of the refusal.
fn refuse(from: &str, to: &str, settings: &[(&str, &str)]) -> String {
    copy(from, to, settings).refuses(1)
}

fn start_once(which: Which, url: &str, settings: &[(&str, &str)]) {
    let mut service = Service::start_with(which, url, settings);
    service.serves();
    service.stop();
}

/// Returns a filled database and an empty one, in each pairing of the engines.
async fn pairings(which: Which) -> Vec<(Home, Home)> {
    let mut pairings = Vec::new();
    for source in 0..2 {
        for target in 0..2 {
            let (mut from, mut to) = (Home::all().await, Home::all().await);
            if source < from.len() && target < to.len() {
                let (from, to) = (from.swap_remove(source), to.swap_remove(target));
                filled(which, &from).await;
                pairings.push((from, to));
            }
        }
    }
    pairings
}

#[tokio::test(flavor = "multi_thread")]
async fn target_with_a_row_is_left_alone() {
    for which in BOTH {
        for (from, to) in pairings(which).await {
            copies(&from.url(), &to.url(), &SEALED);
            let mut outsider = to.outsider().await;
            let before = outsider.all().await;
            let why = refuse(&from.url(), &to.url(), &SEALED);
            let table = if which == Which::Auth { "users: 2" } else { "posts: 1" };
            assert!(why.contains(&format!("is not empty (rows in table {table}): name a new database")), "{why}");
            assert_eq!(outsider.all().await, before);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn old_target_with_rows_is_not_even_migrated() {
    for (from, to) in pairings(Which::Auth).await {
        let mut outsider = to.outsider().await;
        outsider.migrate_to(Which::Auth, 1).await;
        outsider.fill(Which::Auth).await;
        let before = outsider.all().await;
        let why = refuse(&from.url(), &to.url(), &SEALED);
        assert!(why.contains("is not empty (rows in table users: 2)"), "{why}");
        assert_eq!(outsider.all().await, before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn source_of_a_running_service_is_refused() {
    for which in BOTH {
        for home in Home::all().await {
            let mut service = Service::start(which, &home.url());
            service.serves();
            let folder = folder();
            let why = refuse(&home.url(), &file(&folder.path().join("new/b.db")), &SEALED);
            let sentence = match home {
                Home::File(_) => "is in use by another process: stop that process first",
                Home::Server(_) => "): stop every process of the service, then copy",
            };
            assert!(why.contains("is in use by ") && why.contains(sentence), "{why}");
            assert!(!folder.path().join("new").exists(), "no target is created");
            service.stop();
            copies(&home.url(), &file(&folder.path().join("new/b.db")), &SEALED);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn target_of_a_running_service_is_refused() {
    for (from, to) in pairings(Which::Blog).await {
        let mut service = Service::start(Which::Blog, &to.url());
        service.serves();
        let why = refuse(&from.url(), &to.url(), &[]);
        let says = if let Home::File(_) = to { "is in use by another process" } else { "(rows in table secrets: 1)" };
        assert!(why.contains(says), "{why}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn database_onto_itself_is_refused() {
    for which in BOTH {
        for home in Home::all().await {
            filled(which, &home).await;
            let why = refuse(&home.url(), &home.url(), &SEALED);
            assert!(why.ends_with(" is both source and target: name another target"), "{why}");
        }
    }
    let folder = folder();
    let path = folder.path().join("a.db");
    start_once(Which::Blog, &file(&path), &[]);
    std::os::unix::fs::symlink(&path, folder.path().join("b.db")).unwrap();
    let why = refuse(&file(&path), &file(&folder.path().join("b.db")), &[]);
    assert!(why.contains("is both source and target"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_schemas_of_one_database_are_two_databases() {
    let Some(database) = testkit::postgres::database().await else { return };
    let mut outsider = Outsider::of_server(&database.url).await;
    outsider.run("create schema a; create schema b").await;
    let schema = |name: &str| {
        let separator = if database.url.contains('?') { '&' } else { '?' };
        format!("{}{separator}options=-c%20search_path%3D{name}", database.url)
    };
    start_once(Which::Blog, &schema("a"), &[]);
    copies(&schema("a"), &schema("b"), &[]);
    assert_eq!(outsider.texts("select 'one' from a.secrets natural join b.secrets").await, ["one"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn target_of_the_other_service_is_refused() {
    for (which, other) in [(Which::Auth, Which::Blog), (Which::Blog, Which::Auth)] {
        for (from, to) in pairings(which).await {
            start_once(other, &to.url(), if other == Which::Auth { &SEALED } else { &[] });
            let why = refuse(&from.url(), &to.url(), &SEALED);
            let sentence = format!(
                "is a database of the {} service, and the source is one of the {} service: name an empty target",
                other.name(),
                which.name()
            );
            assert!(why.ends_with(&sentence), "{why}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn source_of_another_version_or_program_is_refused() {
    for which in BOTH {
        for home in Home::all().await {
            let folder = folder();
            let to = file(&folder.path().join("b.db"));
            let mut outsider = home.outsider().await;
            outsider.run("create table users (id integer)").await;
            let why = refuse(&home.url(), &to, &SEALED);
            assert!(why.contains("holds no database of a Gatepost service: name the auth service's or"), "{why}");
            outsider.run("drop table users").await;

            outsider.migrate_to(which, 1).await;
            let why = refuse(&home.url(), &to, &SEALED);
            assert!(why.contains("is older than this version (migration 2 is missing): start this version's"), "{why}");

            outsider.migrate_to(which, super::outsider::count(which)).await;
            let checksum = if let Home::File(_) = home { "x'00'" } else { "'\\x00'" };
            outsider
                .run(&format!(
                    "insert into _sqlx_migrations (version, description, success, checksum, execution_time) \
                     values (9999, 'later', true, {checksum}, 1)"
                ))
                .await;
            let why = refuse(&home.url(), &to, &SEALED);
            assert!(
                why.ends_with("by a newer version (migration 9999 is unknown): copy it with that version"),
                "{why}"
            );
            outsider.run("delete from _sqlx_migrations where version = 9999").await;

            outsider.run(&format!("update _sqlx_migrations set checksum = {checksum} where version = 2")).await;
            let why = refuse(&home.url(), &to, &SEALED);
            assert!(why.contains("does not fit this version (migration 2 differs): copy it with the version"), "{why}");
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "no file is created");
            close(outsider).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn key_file_is_not_copied_to_a_server_unsealed() {
    let Some(server) = testkit::postgres::database().await else { return };
    let folder = folder();
    let from = file(&folder.path().join("a.db"));
    start_once(Which::Auth, &from, &[]);
    let why = refuse(&from, &server.url, &[]);
    assert!(why.contains("a.key.pem holds the signing key") && why.contains("set AUTH_MASTER_KEY"), "{why}");
    let mut outsider = Outsider::of_server(&server.url).await;
    assert_eq!(outsider.all().await, [""; 0], "no row is written");
    // With a secret as the signing key, the file is not needed.
    let mut done = copy(&from, &server.url, &[("JWT_SECRET_KEY", "thicket-marimba-oblong-quince-42-umbel")]);
    done.wait_for_line(&["JWT_SECRET_KEY signs tokens, so "]);
    assert_eq!(done.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn sealed_key_with_another_master_key_is_refused() {
    for home in Home::all().await {
        start_once(Which::Auth, &home.url(), &SEALED);
        let folder = folder();
        let to = file(&folder.path().join("b.db"));
        let why = refuse(&home.url(), &to, &[("AUTH_MASTER_KEY", OTHER_MASTER_KEY)]);
        assert!(why.starts_with("AUTH_MASTER_KEY is not the one that the signing key in the database was sealed with"));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "no file is created");
        copies(&home.url(), &to, &[]);
        start_once(Which::Auth, &to, &[("AUTH_MASTER_KEY", MASTER_KEY)]);
    }
}

#[test]
fn key_file_next_to_the_target_is_never_overwritten() {
    let folder = folder();
    let (from, to) = (file(&folder.path().join("a.db")), file(&folder.path().join("b.db")));
    start_once(Which::Auth, &from, &[]);
    start_once(Which::Auth, &to, &[]);
    fs::remove_file(folder.path().join("b.db")).unwrap();
    let key = fs::read(folder.path().join("b.key.pem")).unwrap();
    let why = refuse(&from, &to, &[]);
    assert!(why.contains("b.key.pem is there already and holds another key: move it away"), "{why}");
    assert!(fs::read(folder.path().join("b.key.pem")).unwrap() == key && !folder.path().join("b.db").exists());
}

/// C70: malformed and plaintext URLs are named without being shown.
#[test]
fn malformed_and_plaintext_urls_are_named_not_shown() {
    const CANARY: &str = "thicket-marimba-quince";
    for (from, to, says) in [
        (CANARY.to_owned(), "sqlite:a.db".to_owned(), "--from (GATEPOST_COPY_FROM): write sqlite:PATH"),
        ("sqlite:a.db".to_owned(), format!("postgres://ada:{CANARY}@h"), "--to (GATEPOST_COPY_TO): name the database"),
        (format!("postgres://ada:{CANARY}@0.0.0.0:1/d"), "sqlite:a.db".to_owned(), "or set --insecure=true"),
        ("sqlite:a.db".to_owned(), format!("postgres://ada:{CANARY}@0.0.0.0:1/d"), "or set --insecure=true"),
    ] {
        let why = copy(&from, &to, &[]).refuses(2);
        assert!(why.contains(says) && !why.contains(CANARY), "{why}");
    }
    let why = refuse("sqlite:nowhere/a.db", "sqlite:b.db", &[]);
    assert_eq!(why, "nowhere/a.db is not there: name the file of a service's database");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_engine_is_copied_to_each() {
    for (from, to) in pairings(Which::Auth).await {
        copies(&from.url(), &to.url(), &SEALED);
        assert_eq!(rows(Which::Auth, &to).await, rows(Which::Auth, &from).await);
    }
}

#[test]
fn file_that_is_not_a_database_is_refused() {
    let folder = folder();
    let (path, other) = (folder.path().join("a.db"), file(&folder.path().join("b.db")));
    fs::write(&path, "Dear diary, ".repeat(100)).unwrap();
    let why = refuse(&file(&path), &other, &[]);
    assert!(
        why.contains("a.db cannot be used (file is not a database), and nothing is kept: remove the cause"),
        "{why}"
    );
    start_once(Which::Blog, &other, &[]);
    let why = refuse(&other, &file(&path), &[]);
    assert!(why.contains("a.db cannot be used (file is not a database)"), "{why}");
    assert!(fs::read_to_string(&path).unwrap().starts_with("Dear diary"), "the file is unchanged");
}
