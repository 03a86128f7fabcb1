//! The `users` commands, through a service and on the database, with both engines.

use serde_json::Value;

use super::pair::PASSWORD;
use super::person::{NEW_PASSWORD, Person};
use super::world::{ADA, ROOT, World};

/// Creates Ada, logs her in once, and locks her account with wrong passwords.
fn ada_is_locked(world: &World, root: &Person) -> String {
    let created =
        root.run(&["users", "create", ADA, "--name", "Ada", "--role", "editor", "--output", "json"], PASSWORD);
    assert_eq!(created.code, 0, "{}", created.err);
    let created: Value = serde_json::from_str(&created.out).unwrap();
    assert_eq!((&created["name"], &created["roles"]), (&"Ada".into(), &serde_json::json!(["editor"])));
    world.person(ADA);
    let stranger = Person::new();
    for _ in 0..4 {
        let result = stranger.run(&["login", "--auth-url", world.url(), "--email", ADA], "a wrong password");
        assert_eq!((result.code, result.out.as_str()), (4, ""), "{}", result.err);
        assert!(result.err.contains("the email address or the password is wrong"), "{}", result.err);
    }
    created["id"].as_str().unwrap().to_owned()
}

/// Reads users by each kind of filter and name.
fn reads_users(person: &Person, ada: &str) {
    let listed = person.done(&["users", "list"]);
    assert!(listed.starts_with("ID ") && listed.lines().count() == 3, "{listed}");
    let count = |args: &[&str]| person.document(&[&["users", "list"], args].concat()).as_array().unwrap().len();
    assert_eq!([count(&[]), count(&["--limit", "1"]), count(&["--limit", "0"])], [2, 1, 0]);
    assert_eq!([count(&["--role", "editor"]), count(&["--role", "nobody"]), count(&["--state", "active"])], [1, 0, 2]);
    assert_eq!([count(&["--email", "ADA@example.com"]), count(&["--email", "x@example.com"])], [1, 0]);
    for named in [ADA, ada] {
        let shown = person.document(&["users", "show", named]);
        assert_eq!((&shown["id"], &shown["email"], &shown["state"]), (&ada.into(), &ADA.into(), &"active".into()));
        assert!(shown["last_login_time"].is_string() && shown["lock_expire_time"].is_string(), "{shown}");
        assert_eq!(shown["failed_attempts"], 4);
    }
    assert!(person.refused(3, &["users", "show", "x@example.com"]).contains("there is no such user"));
    assert!(person.refused(2, &["users", "show", "ada"]).contains("USER must be an email address"));
}

/// Makes each kind of change to the user.
fn changes_user(person: &Person, ada: &str) {
    person.done(&["users", "unlock", ADA]);
    assert_eq!(person.document(&["users", "show", ADA])["lock_expire_time"], Value::Null);
    let roles = person.document(&["users", "roles", ADA, "--add", "admin", "--add", "editor", "--remove", "nothing"]);
    assert_eq!(roles["roles"], serde_json::json!(["editor", "admin"]));
    let roles = person.document(&["users", "roles", ada, "--remove", "admin"]);
    assert_eq!(roles["roles"], serde_json::json!(["editor"]));
    let sessions = person.document(&["users", "sessions", ADA]);
    let session = sessions[0]["id"].as_str().unwrap();
    assert_eq!(sessions.as_array().unwrap().len(), 1);
    assert!(sessions[0]["user_agent"].as_str().unwrap().starts_with("gatepost/"), "{sessions}");
    let foreign = person.refused(3, &["users", "sessions", ROOT, "--revoke", session, "--yes"]);
    assert!(foreign.contains("has no such session"), "{foreign}");
    person.done(&["users", "sessions", ADA, "--revoke", session, "--yes"]);
    assert_eq!(person.document(&["users", "sessions", ADA]), serde_json::json!([]));
    person.done(&["users", "sessions", ADA, "--revoke-all", "--yes"]);
    person.done(&["users", "disable", ADA, "--yes"]);
    assert_eq!(person.document(&["users", "show", ADA])["state"], "disabled");
    person.done(&["users", "enable", ADA]);
    for args in [
        &["users", "delete", ROOT, "--yes"][..],
        &["users", "disable", ROOT, "--yes"],
        &["users", "roles", ROOT, "--remove", "admin"],
    ] {
        assert!(person.refused(1, args).contains("the last active admin"), "{args:?}");
    }
    let code = person.run(&["users", "reset", ADA, "--yes"], "");
    assert!(code.code == 0 && code.out.starts_with("gpc_") && code.out.lines().count() == 1, "{}", code.err);
    assert!(!code.err.contains(code.out.trim()), "only the result has the code: {}", code.err);
    let set = person.run(&["users", "set-password", ADA, "--yes"], NEW_PASSWORD);
    assert_eq!((set.code, set.out.as_str()), (0, ""), "{}", set.err);
    let short = person.run(&["users", "set-password", ADA, "--yes"], "short");
    assert!(short.code == 1 && short.err.contains("new_password must have 8"), "{}", short.err);
}

/// Checks that changes are refused if they cannot be confirmed.
fn asks_first(person: &Person) {
    for args in [
        &["users", "delete", ADA][..],
        &["users", "disable", ADA],
        &["users", "reset", ADA],
        &["users", "set-password", ADA],
        &["users", "sessions", ADA, "--revoke-all"],
        &["users", "sessions", ADA, "--revoke", "x"],
    ] {
        assert!(person.refused(2, args).contains("add --yes"), "{args:?}");
    }
    assert_eq!(person.document(&["users", "show", ADA])["state"], "active");
}

/// Returns the kinds of events of Ada with this actor, oldest first.
fn events(person: &Person, actor: &str) -> Vec<String> {
    let events = person.document(&["audit", "list", "--actor", actor, "--limit", "100"]);
    let kinds = events.as_array().unwrap().iter().rev().map(|event| event["kind"].as_str().unwrap().to_owned());
    kinds.collect()
}

const CHANGES: [&str; 9] = [
    "USER_UNLOCKED",
    "ROLES_CHANGED",
    "ROLES_CHANGED",
    "SESSION_REVOKED",
    "ALL_SESSIONS_REVOKED",
    "USER_DISABLED",
    "USER_ENABLED",
    "PASSWORD_RESET_ISSUED",
    "PASSWORD_CHANGED",
];

#[tokio::test(flavor = "multi_thread")]
async fn admin_helps_users_over_the_wire() {
    for world in World::all().await {
        let root = world.person(ROOT);
        let ada = ada_is_locked(&world, &root);
        reads_users(&root, &ada);
        asks_first(&root);
        changes_user(&root, &ada);
        assert!(events(&root, ROOT).ends_with(&CHANGES.map(str::to_owned)), "{:?}", events(&root, ROOT));
        let own = Person::new();
        own.log_in(world.url(), ADA, NEW_PASSWORD);
        assert_eq!(own.document(&["whoami"])["email"], ADA);
        assert!(own.refused(1, &["users", "unlock", "me"]).contains("this needs the role admin"));
        root.done(&["users", "delete", &ada, "--yes"]);
        root.refused(3, &["users", "show", &ada]);
        assert!(own.refused(4, &["whoami"]).contains("http://"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn operator_helps_users_on_the_database() {
    for mut world in World::all().await {
        let ada = ada_is_locked(&world, &world.person(ROOT));
        world.stop();
        let operator = world.operator();
        reads_users(&operator, &ada);
        asks_first(&operator);
        changes_user(&operator, &ada);
        assert_eq!(events(&operator, "operator"), CHANGES);
        let who = operator.document(&["whoami"]);
        assert_eq!((&who["kind"], &who["id"]), (&"operator".into(), &"operator".into()));
        let created = operator.run(&["users", "create", "bob@example.com", "--output", "json"], PASSWORD);
        assert_eq!(created.code, 0, "{}", created.err);
        assert_eq!(serde_json::from_str::<Value>(&created.out).unwrap()["name"], "bob");
        let taken = operator.run(&["users", "create", ADA], PASSWORD);
        assert_eq!((taken.code, taken.out.as_str()), (1, ""), "{}", taken.err);
        operator.done(&["users", "delete", "bob@example.com", "--yes"]);
        world.serve();
        let own = Person::new();
        own.log_in(world.url(), ADA, NEW_PASSWORD);
        assert_eq!(own.document(&["whoami"])["roles"], serde_json::json!(["editor"]), "the service agrees");
    }
}

#[test]
fn open_registration_leaves_no_session() {
    let world = World::on_file(&[("AUTH_REGISTRATION", "open")]);
    let root = world.person(ROOT);
    let created = root.run(&["users", "create", ADA], PASSWORD);
    assert_eq!(created.code, 0, "{}", created.err);
    assert_eq!(root.document(&["users", "sessions", ADA]), serde_json::json!([]));
    assert_eq!(root.document(&["whoami"])["email"], ROOT, "the login is still the admin's");
}
