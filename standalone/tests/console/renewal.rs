//! Renewal of an expired access token: once for all commands, and an end with a clear message.

use std::thread;

use super::person::Person;
use super::world::{ROOT, World};

/// Makes the stored access token look expired.
fn expire(person: &Person, url: &str) {
    person.change_stored(|stored| stored["logins"][url]["access_expire_time"] = 0.into());
}

fn token(person: &Person, url: &str, name: &str) -> String {
    person.stored()["logins"][url][name].as_str().unwrap().to_owned()
}

#[test]
fn concurrent_commands_renew_once() {
    // Without grace, a refresh token that is used twice ends the session.
    let world = World::on_file(&[("AUTH_REFRESH_GRACE", "0s"), ("AUTH_REFRESH_OVERLAP", "0s")]);
    let person = world.person(ROOT);
    for _ in 0..3 {
        let before = token(&person, world.url(), "refresh_token");
        expire(&person, world.url());
        thread::scope(|scope| {
            let commands: Vec<_> = (0..6).map(|_| scope.spawn(|| person.done(&["whoami"]))).collect();
            for command in commands {
                assert!(command.join().unwrap().contains(ROOT));
            }
        });
        assert_ne!(token(&person, world.url(), "refresh_token"), before);
    }
    let reused = person.document(&["audit", "list", "--kind", "refresh_token_reused"]);
    assert_eq!(reused, serde_json::json!([]));
    assert_eq!(person.document(&["users", "sessions", "me"]).as_array().unwrap().len(), 1);
}

#[test]
fn revoked_access_token_is_renewed() {
    let world = World::on_file(&[]);
    let (root, person) = (world.person(ROOT), world.person(ROOT));
    root.done(&["users", "roles", "me", "--add", "editor"]);
    let before = token(&person, world.url(), "access_token");
    // The loss of a role revokes the access tokens of all sessions, and the sessions continue.
    root.done(&["users", "roles", "me", "--remove", "editor"]);
    assert_eq!(person.document(&["whoami"])["roles"], serde_json::json!(["admin"]));
    assert_ne!(token(&person, world.url(), "access_token"), before);
    assert_eq!(root.document(&["users", "sessions", "me"]).as_array().unwrap().len(), 2, "no session has ended");
}

#[test]
fn ended_login_asks_for_another() {
    let world = World::on_file(&[]);
    let (root, person) = (world.person(ROOT), world.person(ROOT));
    root.done(&["users", "sessions", "me", "--revoke-all", "--yes"]);
    for _ in 0..2 {
        let over = person.refused(4, &["whoami"]);
        assert!(over.contains(&format!("run `login --auth-url {}`", world.url())), "{over}");
    }
    expire(&root, world.url());
    assert!(root.refused(4, &["whoami"]).contains("is over"));
    person.done(&["logout"]);
    assert!(person.stored()["logins"].as_object().unwrap().is_empty(), "an ended login is removed");
}

#[test]
fn renewal_without_its_write_is_repeated() {
    let world = World::on_file(&[]);
    let person = world.person(ROOT);
    expire(&person, world.url());
    let before = person.stored();
    person.done(&["whoami"]);
    let renewed = token(&person, world.url(), "refresh_token");
    // As if the command had been killed before its write.
    person.change_stored(|stored| *stored = before);
    person.done(&["whoami"]);
    assert_eq!(token(&person, world.url(), "refresh_token"), renewed, "the service repeats its answer");
    assert_eq!(person.document(&["users", "sessions", "me"]).as_array().unwrap().len(), 1);
}
