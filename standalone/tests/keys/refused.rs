//! Refusals of the commands: they say why and what to do, and change nothing.

use super::output::{keys, listed};
use super::outsider::{Home, Outsider};
use super::pair::folder;
use super::service::{OTHER_MASTER_KEY, SEALED, Service, Which, file};

/// Checks a refusal: exit code 2 for a bad setting, else 1.
#[track_caller]
fn refused(url: &str, settings: &[(&str, &str)], args: &[&str], sentence: &str) {
    let output = keys(url, settings, args);
    assert!(matches!(output.code, 1 | 2) && output.out.is_empty(), "{args:?}: {}", output.err);
    assert!(output.err.contains(sentence), "{args:?}: {}", output.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_keys_command_changes_nothing() {
    for home in Home::all().await {
        let url = home.url();
        Service::start_with(Which::Auth, &url, &SEALED).serves();
        let before = listed(&url);
        let id = before[0][0].as_str();
        let other = [("AUTH_MASTER_KEY", OTHER_MASTER_KEY)];
        let both = [other[0], ("AUTH_OLD_MASTER_KEY", OTHER_MASTER_KEY)];
        let secret = [("JWT_SECRET_KEY", "thicket-marimba-oblong-quince-42-umbel")];
        let absent = folder().path().join("no.pem").display().to_string();
        for (settings, args, sentence) in [
            (&other[..], &["rotate"][..], "AUTH_MASTER_KEY is not the one"),
            (&other, &["retire", id], "AUTH_MASTER_KEY is not the one"),
            (&other, &["reseal"], "AUTH_OLD_MASTER_KEY: must be set"),
            (&both, &["reseal"], "sealed with neither AUTH_MASTER_KEY nor AUTH_OLD_MASTER_KEY"),
            (&[], &["rotate"], "AUTH_MASTER_KEY"),
            (&[], &["retire", id], "AUTH_MASTER_KEY"),
            (&secret, &["rotate"], "JWT_SECRET_KEY signs, and has no successor"),
            (&secret, &["retire", id], "JWT_SECRET_KEY signs, and has no successor"),
            (&SEALED, &["retire", "nobody"], "has no signing key nobody: run `gatepost keys list`"),
            (&SEALED, &["rotate", "--lead", "9s"], "must be from 10s to 7d"),
            (&SEALED, &["rotate", "--from", &absent], "--from: must name an existing file that holds one key"),
        ] {
            refused(&url, settings, args, sentence);
        }
        assert_eq!(listed(&url), before);
        let output = keys(&url, &secret, &["list"]);
        assert!(output.code == 0 && output.err.starts_with("JWT_SECRET_KEY signs"), "{}", output.err);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_or_older_database_is_left_unchanged() {
    let folder = folder();
    let [absent, older, blog] = ["absent.db", "older.db", "blog.db"].map(|name| folder.path().join(name));
    refused(&file(&absent), &[], &["list"], "is not there: name the file of a service's database");
    assert!(!absent.exists());
    let mut outsider = Outsider::of_file(&older).await;
    outsider.make_older(Which::Auth, 5).await;
    drop(outsider);
    refused(&file(&older), &[], &["list"], "is older than this version (migration 6 is missing)");
    Service::start_with(Which::Blog, &file(&blog), &[]).serves();
    refused(&file(&blog), &[], &["rotate"], "does not fit this version");
    if let Some(server) = testkit::postgres::database().await {
        refused(&server.url, &[], &["list"], "is older than this version (migration 1 is missing)");
        refused(&server.url, &SEALED, &["rotate"], "is older than this version (migration 1 is missing)");
    }
    refused(
        "postgres://nobody@192.0.2.1/auth",
        &SEALED,
        &["list"],
        "plaintext to a database beyond loopback is refused",
    );
}
