//! `api-keys` by both ways: each secret is printed once, and only as the result.

use std::process::Command;

use serde_json::Value;

use super::person::Person;
use super::world::{ROOT, World};

/// Returns true for a text in the form of a secret.
fn is_secret(text: &str) -> bool {
    text.starts_with("gp_") && text.len() == 3 + 32 + 1 + 49
}

/// Creates, changes, rotates and revokes a key; returns the two secrets.
fn manages_keys(person: &Person) -> Vec<String> {
    let created =
        person.secret_result(&["api-keys", "create", "nightly export", "--role", "editor", "--expires", "90d"]);
    let first = created.trim().to_owned();
    assert!(is_secret(&first), "{created}");
    let listed = person.document(&["api-keys", "list"]);
    let id = listed[0]["id"].as_str().unwrap();
    assert_eq!((&listed[0]["name"], &listed[0]["state"]), (&"nightly export".into(), &"active".into()));
    assert!(listed[0]["expire_time"].is_string() && !listed.to_string().contains(&first), "{listed}");
    assert_eq!(person.document(&["api-keys", "show", id]), listed[0]);
    let args = ["api-keys", "update", id, "--name", "export", "--role", "viewer", "--expires", "never"];
    let updated = person.document(&args);
    assert_eq!((&updated["name"], &updated["roles"]), (&"export".into(), &serde_json::json!(["viewer"])));
    assert_eq!(updated["expire_time"], Value::Null);
    assert_eq!(person.document(&["api-keys", "update", id, "--no-roles"])["roles"], serde_json::json!([]));
    assert!(person.refused(2, &["api-keys", "update", id]).contains("nothing to change"));
    assert!(person.refused(2, &["api-keys", "rotate", id]).contains("add --yes"));
    let rotated = person.secret_result(&["api-keys", "rotate", id, "--overlap", "2h", "--yes", "--output", "json"]);
    let rotated: Value = serde_json::from_str(&rotated).unwrap();
    let second = rotated["secret"].as_str().unwrap().to_owned();
    assert!(is_secret(&second) && second != first && rotated["overlap_expire_time"].is_string());
    assert!(person.refused(2, &["api-keys", "revoke", id]).contains("add --yes"));
    person.refused(3, &["api-keys", "show", "01a00000-0000-7000-8000-000000000000"]);
    vec![first, second]
}

/// Returns the caller that a key names at this service, or standard error of a refusal.
fn bearer(url: &str, key: &str) -> Result<Value, String> {
    let mut script = Person::new();
    script.variables = vec![("GATEPOST_TOKEN", key.to_owned()), ("GATEPOST_AUTH_URL", url.to_owned())];
    let mut command: Command = script.command(&["whoami", "--output", "json"]);
    let result = script.checked(&command.output().unwrap());
    assert!(!result.out.contains(key) && !result.err.contains(key), "{}", result.err);
    if result.code == 0 { Ok(serde_json::from_str(&result.out).unwrap()) } else { Err(result.err) }
}

#[tokio::test(flavor = "multi_thread")]
async fn admin_manages_keys_over_the_wire() {
    for world in World::all().await {
        let root = world.person(ROOT);
        let secrets = manages_keys(&root);
        let id = root.document(&["api-keys", "list"])[0]["id"].as_str().unwrap().to_owned();
        for secret in &secrets {
            let shown = bearer(world.url(), secret).unwrap();
            assert_eq!((&shown["kind"], &shown["id"]), (&"service".into(), &id.as_str().into()));
        }
        root.done(&["api-keys", "revoke", &id, "--yes"]);
        assert_eq!(root.document(&["api-keys", "show", &id])["state"], "revoked");
        for secret in &secrets {
            assert!(bearer(world.url(), secret).unwrap_err().contains("refuses the credential"));
        }
        assert!(root.refused(1, &["api-keys", "rotate", &id, "--yes"]).contains("revoked"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn operator_manages_keys_on_the_database() {
    for mut world in World::all().await {
        world.stop();
        let operator = world.operator();
        let secrets = manages_keys(&operator);
        let events = operator.document(&["audit", "list", "--actor", "operator"]);
        let kinds: Vec<_> = events.as_array().unwrap().iter().map(|event| event["kind"].as_str().unwrap()).collect();
        let expected = ["API_KEY_ROTATED", "API_KEY_UPDATED", "API_KEY_UPDATED", "API_KEY_CREATED"];
        assert_eq!(kinds, expected);
        world.serve();
        assert_eq!(bearer(world.url(), &secrets[1]).unwrap()["kind"], "service", "the service knows the key");
    }
}
