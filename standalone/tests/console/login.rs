//! `login`, `logout` and `whoami`: the stored credential, tokens of the environment, and refusals.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use super::pair::PASSWORD;
use super::person::Person;
use super::world::{ROOT, World};

#[test]
fn login_is_stored_for_later_commands() {
    let world = World::on_file(&[]);
    let person = world.person(ROOT);
    let path = person.credentials();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    let shown = person.document(&["whoami"]);
    assert_eq!((&shown["email"], &shown["server"]), (&ROOT.into(), &world.url().into()));
    assert_eq!(person.document(&["whoami", "--auth-url", world.url()]), shown);
    let logged_in = person.refused(4, &["whoami", "--auth-url", "http://127.0.0.1:1"]);
    assert!(logged_in.contains("run `login --auth-url http://127.0.0.1:1`"), "{logged_in}");
    person.done(&["logout"]);
    assert!(person.stored()["logins"].as_object().unwrap().is_empty());
    assert!(person.refused(2, &["whoami"]).contains("write --auth-url URL"));
    let kinds = world.person(ROOT).document(&["audit", "list", "--kind", "logged-out"]);
    assert_eq!(kinds.as_array().unwrap().len(), 1, "the session has ended, too");
}

#[test]
fn token_of_the_environment_needs_no_login() {
    let world = World::on_file(&[]);
    let token = world.person(ROOT).stored()["logins"][world.url()]["access_token"].as_str().unwrap().to_owned();
    let mut script = Person::new();
    script.variables = vec![("GATEPOST_TOKEN", token.clone()), ("GATEPOST_AUTH_URL", world.url().to_owned())];
    assert_eq!(script.document(&["whoami"])["email"], ROOT);
    assert_eq!(script.document(&["users", "list"]).as_array().unwrap().len(), 1);
    assert!(!script.credentials().exists(), "nothing is stored");
    let homeless = script.command(&["whoami"]).env_remove("HOME").output().unwrap();
    assert_eq!(script.checked(&homeless).code, 0, "a script needs no home folder");
    let file = script.credentials().with_extension("token");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, format!("{token}\n")).unwrap();
    fs::set_permissions(file.parent().unwrap(), Permissions::from_mode(0o700)).unwrap();
    script.variables[0] = ("GATEPOST_TOKEN_FILE", file.to_str().unwrap().to_owned());
    assert_eq!(script.document(&["whoami"])["email"], ROOT);
    script.variables[0] = ("GATEPOST_TOKEN", "no-token-of-this-service".into());
    assert!(script.refused(4, &["whoami"]).contains("refuses the credential"));
    script.variables[0] = ("GATEPOST_TOKEN", "a b".into());
    assert!(script.refused(2, &["whoami"]).contains("GATEPOST_TOKEN: "));
    script.variables.push(("AUTH_DATABASE_URL", world.home.url()));
    assert!(script.refused(2, &["whoami"]).contains("a service and a database are named at once"));
}

#[test]
fn service_key_is_shown_as_a_service() {
    let key = "thicket-marimba-oblong-quince-42-umbel";
    let world = World::on_file(&[("AUTH_SERVICE_KEY", "blog:thicket-marimba-oblong-quince-42-umbel")]);
    let mut script = Person::new();
    script.variables = vec![("GATEPOST_TOKEN", key.into()), ("GATEPOST_AUTH_URL", world.url().to_owned())];
    let shown = script.document(&["whoami"]);
    assert_eq!((&shown["kind"], &shown["id"]), (&"service".into(), &"blog".into()));
    assert!(!shown.to_string().contains(key));
}

#[test]
fn first_login_into_a_shared_folder_is_refused() {
    let world = World::on_file(&[]);
    let person = Person::new();
    let folder = person.credentials().parent().unwrap().to_owned();
    fs::create_dir_all(&folder).unwrap();
    fs::set_permissions(&folder, Permissions::from_mode(0o777)).unwrap();
    let refused = person.refused(1, &["login", "--auth-url", world.url(), "--email", ROOT]);
    assert!(refused.contains(folder.to_str().unwrap()) && !person.credentials().exists(), "{refused}");
}

#[test]
fn exposed_credential_is_refused() {
    let world = World::on_file(&[]);
    let person = world.person(ROOT);
    for mode in [0o640, 0o604, 0o666] {
        fs::set_permissions(person.credentials(), Permissions::from_mode(mode)).unwrap();
        assert!(person.refused(1, &["whoami"]).contains("can be read by other users"), "{mode:o}");
    }
    let again = person.run(&["login", "--auth-url", world.url(), "--email", ROOT], PASSWORD);
    assert!(again.code == 1 && again.err.contains("run `chmod go= "), "{}", again.err);
    fs::set_permissions(person.credentials(), Permissions::from_mode(0o600)).unwrap();
    person.done(&["whoami"]);
    fs::write(person.credentials(), "canary {").unwrap();
    let damaged = person.refused(1, &["whoami"]);
    assert!(damaged.contains("is damaged: remove it") && !damaged.contains("canary"), "{damaged}");
}

#[test]
fn ways_that_contradict_are_refused() {
    let person = Person::new();
    for (args, expected) in [
        (&["users", "list"][..], "--database-url URL or --data-dir DIR"),
        (&["whoami", "--auth-url", "http://127.0.0.1:1", "--data-dir", "x"], "at once"),
        (&["whoami", "--database-url", "sqlite:x", "--data-dir", "x"], "at once"),
        (&["whoami", "--auth-url", "127.0.0.1:1"], "--auth-url (GATEPOST_AUTH_URL): write http://HOST:PORT"),
        (&["whoami", "--auth-url", "http://10.1.2.3:50051"], "plaintext beyond loopback is refused"),
        (&["login", "--auth-url", "http://10.1.2.3:50051", "--email", ROOT], "plaintext beyond loopback is refused"),
        (&["whoami", "--auth-url", "http://127.0.0.1:1", "--ca", "x.pem"], "is for plaintext"),
        (&["login", "--email", ROOT], "must name the auth service"),
        (&["login", "--auth-url", "http://127.0.0.1:1"], "--email: must be given"),
        (&["users", "list", "--database-url", "postgres://db.example.org/x"], "plaintext to a database"),
    ] {
        assert!(person.refused(2, args).contains(expected), "{args:?}: {}", person.refused(2, args));
    }
    let absent = person.refused(1, &["users", "list", "--data-dir", "/absent"]);
    assert!(absent.contains("/absent/auth.db"), "{absent}");
}

#[test]
fn silent_service_is_named() {
    let mut world = World::on_file(&[]);
    let person = world.person(ROOT);
    world.kill();
    for args in [&["whoami"][..], &["users", "list"], &["audit", "list"], &["audit", "tail"], &["logout"]] {
        let refusal = person.refused(5, args);
        assert!(refusal.contains(world.url()) && refusal.contains("does not answer"), "{args:?}: {refusal}");
    }
    assert!(person.credentials().exists(), "a login at a silent service stays");
}

#[test]
fn tls_files_of_a_login_are_remembered() {
    let (folder, authority) = (super::pair::folder(), testkit::tls::Authority::new("console"));
    let server = authority.issue(&["localhost"]).write(folder.path(), "server");
    let ca = authority.write(folder.path(), "ca.pem");
    let other = testkit::tls::Authority::new("other").write(folder.path(), "other.pem");
    let text = |path: &std::path::Path| -> &'static str { path.to_str().unwrap().to_owned().leak() };
    let settings = [("AUTH_TLS_CERT", text(&server.certificate)), ("AUTH_TLS_KEY", text(&server.key))];
    let world = World::on_file(&settings);
    let url = world.url().replace("http://127.0.0.1", "https://localhost");
    let person = Person::new();
    let login =
        |ca: &std::path::Path| person.run(&["login", "--auth-url", &url, "--email", ROOT, "--ca", text(ca)], PASSWORD);
    let distrusted = login(&other);
    assert!(distrusted.code == 5 && distrusted.err.contains("cannot be called over TLS ("), "{}", distrusted.err);
    let absent = login(&folder.path().join("absent.pem"));
    assert!(absent.code == 1 && absent.err.contains("absent.pem"), "{}", absent.err);
    let trusted = login(&ca);
    assert_eq!(trusted.code, 0, "{}", trusted.err);
    assert_eq!(person.document(&["whoami"])["server"], url);
    let mistrusted = person.refused(5, &["whoami", "--ca", text(&other)]);
    assert!(mistrusted.contains("see --ca"), "{mistrusted}");
    person.done(&["logout"]);
}
