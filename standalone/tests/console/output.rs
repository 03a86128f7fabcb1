//! Outputs: a closed pipe, many pages, control characters, and texts of the help.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use serde_json::Value;

use super::pair::PASSWORD;
use super::person::Person;
use super::world::{ADA, ROOT, World};

/// Rows of the largest list: several pages.
const MANY: usize = 450;

/// Adds this number of users to the database of a stopped service.
async fn add_users(world: &World, count: usize) {
    let mut outsider = world.home.outsider().await;
    for index in 0..count {
        let id = format!("01a00000-0000-7000-8000-{index:012x}");
        let id = match world.home {
            super::outsider::Home::File(_) => format!("x'{}'", id.replace('-', "")),
            super::outsider::Home::Server(_) => format!("'{id}'"),
        };
        let columns = "id, name, email, email_key, password_hash, roles, state, generation, sessions_since, revision, \
             create_time, update_time";
        let (row, hash, email) = ("'', 'active', 1, 1, 1", "x", format!("u{index}@example.com"));
        let row = format!("{id}, 'U', '{email}', '{email}', '{hash}', {row}");
        outsider
            .run(&format!("insert into users ({columns}) select {row}, create_time, update_time from users limit 1"))
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_pages_are_listed_and_a_closed_pipe_is_quiet() {
    for mut world in World::all().await {
        world.stop();
        add_users(&world, MANY).await;
        let operator = world.operator();
        let table = operator.done(&["users", "list"]);
        assert_eq!(table.lines().count(), MANY + 2);
        let listed = operator.document(&["users", "list"]);
        let ids: std::collections::BTreeSet<_> =
            listed.as_array().unwrap().iter().map(|row| row["id"].as_str()).collect();
        assert_eq!(ids.len(), MANY + 1, "each user is listed once");
        assert_eq!(operator.document(&["users", "list", "--limit", "201"]).as_array().unwrap().len(), 201);
        for form in ["table", "json"] {
            let mut child =
                operator.command(&["users", "list", "--output", form]).stdout(Stdio::piped()).spawn().unwrap();
            let mut first = String::new();
            BufReader::with_capacity(16, child.stdout.take().unwrap()).read_line(&mut first).unwrap();
            let ended = operator.checked(&child.wait_with_output().unwrap());
            assert_eq!((ended.code, ended.err.as_str()), (0, ""), "{form}");
        }
    }
}

#[test]
fn full_disk_is_a_failure_of_each_output() {
    let world = World::on_file(&[]);
    let root = world.person(ROOT);
    for args in [
        &["whoami"][..],
        &["users", "list"],
        &["audit", "list", "--output", "json"],
        &["users", "reset", "me", "--yes"],
        &["api-keys", "create", "Export"],
        &["completions", "bash"],
        &["config"],
    ] {
        // `reset` ends the login, so each command starts with a new one.
        root.log_in(world.url(), ROOT, PASSWORD);
        let full = File::options().write(true).open("/dev/full").unwrap();
        let result = root.checked(&root.command(args).stdout(full).output().unwrap());
        assert_eq!(result.code, 1, "{args:?}: {}", result.err);
        assert!(result.err.contains("cannot be written (no storage space): make room"), "{args:?}: {}", result.err);
    }
    let full = File::options().write(true).open("/dev/full").unwrap();
    let result = root.checked(&root.command(&["api-keys", "create", "Import"]).stdout(full).output().unwrap());
    assert!(result.err.contains("was not printed and is lost: run `api-keys rotate`"), "{}", result.err);
}

#[test]
fn secret_without_a_reader_is_reported_as_lost() {
    let world = World::on_file(&[]);
    let root = world.person(ROOT);
    for args in [&["api-keys", "create", "Export"][..], &["users", "reset", "me", "--yes"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let result = root.checked(&root.command(args).stdout(writer).output().unwrap());
        assert_eq!(result.code, 1, "{args:?}: {}", result.err);
        assert!(result.err.contains("the result is lost"), "{args:?}: {}", result.err);
    }
}

#[test]
fn control_characters_of_a_caller_are_escaped() {
    let world = World::on_file(&[]);
    let root = world.person(ROOT);
    assert_eq!(root.run(&["users", "create", ADA], PASSWORD).code, 0);
    let stranger = Person::new();
    // The service stores no address of a failed login, and a user's name has no control characters. So only an argument
    // can have them.
    let result = stranger.run(&["login", "--auth-url", world.url(), "--email", "\u{1b}[2J@example.com"], PASSWORD);
    assert!(result.code == 1 && !result.err.contains('\u{1b}'), "{}", result.err);
    let missing = root.refused(1, &["users", "show", "\u{1b}[2J@example.com"]);
    assert!(!missing.contains('\u{1b}'), "{missing}");
}

#[test]
fn documents_have_stable_fields() {
    let world = World::on_file(&[]);
    let root = world.person(ROOT);
    let fields = |document: &Value| document.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
    let user =
        "create_time email etag failed_attempts id last_login_time lock_expire_time name roles state update_time";
    assert_eq!(fields(&root.document(&["users", "list"])[0]), user);
    assert_eq!(fields(&root.document(&["users", "show", "me"])), user);
    assert_eq!(fields(&root.document(&["users", "roles", "me"])), user);
    let session = "create_time current expire_time id last_refresh_time peer user_agent";
    assert_eq!(fields(&root.document(&["users", "sessions", "me"])[0]), session);
    let event = "actor detail id kind peer request_id subject time trace_id user_agent";
    assert_eq!(fields(&root.document(&["audit", "list"])[0]), event);
    assert_eq!(fields(&root.document(&["whoami"])), "email expire_time id kind name roles server");
    let code = root.document(&["users", "reset", "me", "--yes"]);
    assert_eq!(fields(&code), "code expire_time user_id");
}
