//! `token inspect`, without the service and with it.

use serde_json::{Value, json};

use super::person::{Person, Told};
use super::world::{ROOT, World};

/// Inspects a token, whose result is a document.
fn inspect(person: &Person, args: &[&str], token: &str) -> (Told, Value) {
    let told = person.told(&[&["token", "inspect", "--output", "json"], args].concat(), token);
    assert!(!told.out.contains(token) && !told.err.contains(token), "the token is in the output: {told:?}");
    let document = serde_json::from_str(&told.out).unwrap_or_else(|error| panic!("{error}: {told:?}"));
    (told, document)
}

/// Returns state and text of a check.
fn check<'d>(document: &'d Value, name: &str) -> (&'d str, &'d str) {
    let checks = document["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["check"] == name).unwrap_or_else(|| panic!("{name}: {checks:?}"));
    (check["state"].as_str().unwrap(), check["text"].as_str().unwrap())
}

fn access_token(person: &Person, world: &World) -> String {
    person.stored()["logins"][world.url()]["access_token"].as_str().unwrap().to_owned()
}

#[test]
fn claims_are_shown_and_rules_checked_without_a_service() {
    let mut world = World::on_file(&[]);
    let root = world.person(ROOT);
    let token = access_token(&root, &world);
    world.stop();
    let (told, shown) = inspect(&root, &["--issuer", "gatepost", "--audience", "gatepost"], &token);
    assert_eq!(
        (told.code, &shown["header"]["typ"], &shown["claims"]["roles"]),
        (0, &json!("at+jwt"), &json!(["admin"]))
    );
    assert_eq!(check(&shown, "expiry").0, "ok");
    assert_eq!(check(&shown, "auth service").0, "skipped");
    let (told, shown) = inspect(&root, &["--audience", "blog"], &token);
    assert_eq!((told.code, check(&shown, "audience")), (1, ("failed", "the token is for gatepost, not for \"blog\"")));
    let told = root.told(&["token", "inspect"], &token);
    assert!(told.out.contains("claim   exp") && told.out.contains(" (in 23h 59m"), "{}", told.out);
    assert_eq!(inspect(&root, &[], "a-service-key").1["kind"], "opaque token");
    // A header and a claim with terminal sequences as their names.
    let (header, claims) = ("eyJhbGciOiJub25lIiwiXHUwMDFiYyI6MX0", "eyJcdTAwMWJbMkoiOjF9");
    let told = root.told(&["token", "inspect"], &format!("{header}.{claims}.c2ln"));
    assert!(told.code == 1 && !told.out.contains('\u{1b}') && told.out.contains("\\u{1b}[2J"), "{}", told.out);
    let empty = root.refused(2, &["token", "inspect"]);
    assert!(empty.contains("the token is empty"), "{empty}");
}

#[test]
fn service_tells_if_it_accepts_a_token() {
    let mut world = World::on_file(&[]);
    let (root, stranger) = (world.person(ROOT), Person::new());
    let (token, url) = (access_token(&root, &world), world.url().to_owned());
    let at_service = ["--auth-url", url.as_str()];
    // Nobody is logged in: the token is enough.
    let (told, shown) = inspect(&stranger, &at_service, &token);
    assert_eq!((told.code, check(&shown, "auth service")), (0, ("ok", "accepts the token")));
    let key = root.secret_result(&["api-keys", "create", "Export"]);
    let (told, shown) = inspect(&stranger, &at_service, key.trim());
    assert_eq!((told.code, &shown["kind"], check(&shown, "auth service").0), (0, &json!("API key"), "ok"));
    let (told, shown) = inspect(&stranger, &[&at_service[..], &["--audience", "blog"]].concat(), key.trim());
    assert_eq!((told.code, check(&shown, "audience").0), (1, "failed"), "{shown}");
    let cut = &key[..key.trim().len() - 1];
    let (told, shown) = inspect(&stranger, &at_service, cut);
    assert_eq!((told.code, check(&shown, "form").0, check(&shown, "auth service").0), (1, "failed", "failed"));
    assert_eq!(root.told(&["logout"], "").code, 0);
    let (told, shown) = inspect(&stranger, &at_service, &token);
    assert_eq!((told.code, check(&shown, "expiry").0), (1, "ok"));
    assert!(check(&shown, "auth service").1.contains("was revoked"), "{shown}");
    world.kill();
    let told = stranger.told(&["token", "inspect", "--auth-url", &url], &token);
    assert!(told.code == 5 && told.out.is_empty(), "{told:?}");
}
