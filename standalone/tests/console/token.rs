//! `token inspect`, without the service and with it.

use serde_json::{Value, json};

use super::person::{CommandResult, Person};
use super::world::{ROOT, World};

/// Inspects a token, and returns the result with its document.
fn inspect(person: &Person, args: &[&str], token: &str) -> (CommandResult, Value) {
    let result = person.run(&[&["token", "inspect", "--output", "json"], args].concat(), token);
    assert!(!result.out.contains(token) && !result.err.contains(token), "the token is in the output: {result:?}");
    let document = serde_json::from_str(&result.out).unwrap_or_else(|error| panic!("{error}: {result:?}"));
    (result, document)
}

/// Returns the state and the text of a check.
fn check<'d>(document: &'d Value, name: &str) -> (&'d str, &'d str) {
    let checks = document["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["check"] == name).unwrap_or_else(|| panic!("{name}: {checks:?}"));
    (check["state"].as_str().unwrap(), check["text"].as_str().unwrap())
}

fn access_token(person: &Person, world: &World) -> String {
    person.stored()["logins"][world.url()]["access_token"].as_str().unwrap().to_owned()
}

#[test]
fn claims_and_rules_are_shown_without_a_service() {
    let mut world = World::on_file(&[]);
    let root = world.person(ROOT);
    let token = access_token(&root, &world);
    world.stop();
    let (result, shown) = inspect(&root, &["--issuer", "gatepost", "--audience", "gatepost"], &token);
    assert_eq!(
        (result.code, &shown["header"]["typ"], &shown["claims"]["roles"]),
        (0, &json!("at+jwt"), &json!(["admin"]))
    );
    assert_eq!(check(&shown, "expiry").0, "ok");
    assert_eq!(check(&shown, "auth service").0, "skipped");
    let (result, shown) = inspect(&root, &["--audience", "blog"], &token);
    assert_eq!(
        (result.code, check(&shown, "audience")),
        (1, ("failed", "the token is for gatepost, not for \"blog\""))
    );
    let result = root.run(&["token", "inspect"], &token);
    assert!(result.out.contains("claim   exp") && result.out.contains(" (in 23h 59m"), "{}", result.out);
    assert_eq!(inspect(&root, &[], "a-service-key").1["kind"], "opaque token");
    // A header and a claim with terminal sequences as their names.
    let (header, claims) = ("eyJhbGciOiJub25lIiwiXHUwMDFiYyI6MX0", "eyJcdTAwMWJbMkoiOjF9");
    let result = root.run(&["token", "inspect"], &format!("{header}.{claims}.c2ln"));
    assert!(result.code == 1 && !result.out.contains('\u{1b}') && result.out.contains("\\u{1b}[2J"), "{}", result.out);
    let empty = root.refused(2, &["token", "inspect"]);
    assert!(empty.contains("the token is empty"), "{empty}");
}

#[test]
fn service_reports_if_it_accepts_a_token() {
    let mut world = World::on_file(&[]);
    let (root, stranger) = (world.person(ROOT), Person::new());
    let (token, url) = (access_token(&root, &world), world.url().to_owned());
    let at_service = ["--auth-url", url.as_str()];
    // Nobody is logged in: the token is enough.
    let (result, shown) = inspect(&stranger, &at_service, &token);
    assert_eq!((result.code, check(&shown, "auth service")), (0, ("ok", "accepts the token")));
    let key = root.secret_result(&["api-keys", "create", "Export"]);
    let (result, shown) = inspect(&stranger, &at_service, key.trim());
    assert_eq!((result.code, &shown["kind"], check(&shown, "auth service").0), (0, &json!("API key"), "ok"));
    let (result, shown) = inspect(&stranger, &[&at_service[..], &["--audience", "blog"]].concat(), key.trim());
    assert_eq!((result.code, check(&shown, "audience").0), (1, "failed"), "{shown}");
    let cut = &key[..key.trim().len() - 1];
    let (result, shown) = inspect(&stranger, &at_service, cut);
    assert_eq!((result.code, check(&shown, "form").0, check(&shown, "auth service").0), (1, "failed", "failed"));
    assert_eq!(root.run(&["logout"], "").code, 0);
    let (result, shown) = inspect(&stranger, &at_service, &token);
    assert_eq!((result.code, check(&shown, "expiry").0), (1, "ok"));
    assert!(check(&shown, "auth service").1.contains("was revoked"), "{shown}");
    world.kill();
    let result = stranger.run(&["token", "inspect", "--auth-url", &url], &token);
    assert!(result.code == 5 && result.out.is_empty(), "{result:?}");
}
