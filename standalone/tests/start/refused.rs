//! Databases that a start must leave alone: newer ones, altered ones, another service's, and those of other programs.

use super::outsider::{Home, Outsider};
use super::service::{BOTH, SEALED, Service, Which};

/// Tries to start the service, which must refuse and change nothing; returns the reason.
async fn refuse(which: Which, home: &Home, outsider: &mut Outsider) -> String {
    let before = outsider.all().await;
    let why = Service::start(which, &home.url()).refuses(1);
    assert_eq!(outsider.all().await, before, "{which:?}: {why}");
    why
}

/// Starts the service for the first time, and stops it.
fn start_once(which: Which, home: &Home) {
    let mut service = Service::start(which, &home.url());
    service.serves();
    service.stop();
}

/// Adds the row of a later version's migration with this name.
async fn add_later(home: &Home, outsider: &mut Outsider, name: &str) {
    let checksum = if let Home::File(_) = home { "x'00'" } else { "'\\x00'" };
    let sql = format!(
        "insert into _sqlx_migrations (version, description, success, checksum, execution_time) values (9999, '{name}', \
         true, {checksum}, 1)"
    );
    outsider.run(&sql).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn newer_database_that_suits_this_version_is_served() {
    for which in BOTH {
        for home in Home::all().await {
            start_once(which, &home);
            add_later(&home, &mut home.outsider().await, "later from 0004").await;
            let mut service = Service::start(which, &home.url());
            service.serves();
            service.stop();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn newer_database_is_refused() {
    for which in BOTH {
        for home in Home::all().await {
            start_once(which, &home);
            let mut outsider = home.outsider().await;
            add_later(&home, &mut outsider, "later").await;
            let why = refuse(which, &home, &mut outsider).await;
            let sentence =
                "was written by a newer version (migration 9999 is unknown): run that version, or restore a backup";
            assert!(why.ends_with(sentence), "{why}");
            outsider.run("delete from _sqlx_migrations where version = 9999").await;
            start_once(which, &home);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn database_with_altered_migrations_is_refused() {
    for which in BOTH {
        for home in Home::all().await {
            start_once(which, &home);
            let mut outsider = home.outsider().await;
            let checksum = if let Home::File(_) = home { "x'00'" } else { "'\\x00'" };
            outsider.run(&format!("update _sqlx_migrations set checksum = {checksum} where version = 2")).await;
            let why = refuse(which, &home, &mut outsider).await;
            let sentence = "does not fit this version (migration 2 differs): give each service a database of its own, or \
                 restore a backup";
            assert!(why.ends_with(sentence), "{why}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_statement_names_the_database() {
    for which in BOTH {
        for home in Home::all().await {
            start_once(which, &home);
            home.outsider().await.run("alter table secrets rename to lost_secrets").await;
            let why = Service::start(which, &home.url()).refuses(1);
            let place = if let Home::File(_) = home { "a.db" } else { "the PostgreSQL database" };
            let sentence =
                ": the database refused a statement: check the database or restore a backup, then start again";
            assert!(why.contains(place) && why.ends_with(sentence), "{which:?}: {why}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn database_of_the_other_service_is_refused() {
    for (first, second) in [(Which::Auth, Which::Blog), (Which::Blog, Which::Auth)] {
        for home in Home::all().await {
            start_once(first, &home);
            let why = refuse(second, &home, &mut home.outsider().await).await;
            assert!(
                why.contains("(migration 1 differs): give each service a database of its own"),
                "{second:?}: {why}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn database_of_another_program_is_refused() {
    for home in Home::all().await {
        let mut outsider = home.outsider().await;
        // Conflicts with the second statement of a migration: the first one is rolled back with it.
        outsider.run("create table secrets (name text, color text)").await;
        let why = Service::start(Which::Blog, &home.url()).refuses(1);
        assert!(why.contains("could not be migrated (while executing migration 1: "), "{why}");
        assert!(why.contains("already exists"), "{why}");
        assert!(why.ends_with("), and the failed step was rolled back: remove the cause, then start again"), "{why}");
        assert!(!outsider.all().await.iter().any(|line| line.contains("posts")), "the first statement is undone");
        outsider.run("drop table secrets").await;
        start_once(Which::Blog, &home);
        outsider.check(Which::Blog, false).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_schemas_of_one_database_are_two_databases() {
    let Some(database) = testkit::postgres::database().await else { return };
    let mut outsider = Outsider::of_server(&database.url).await;
    outsider.run("create schema auth; create schema blog").await;
    let schema = |which: Which| {
        let separator = if database.url.contains('?') { '&' } else { '?' };
        format!("{}{separator}options=-c%20search_path%3D{}", database.url, which.name())
    };
    let mut services: Vec<_> =
        BOTH.iter().flat_map(|which| [*which; 2]).map(|which| Service::start(which, &schema(which))).collect();
    for service in &mut services {
        service.serves();
    }
    for which in BOTH {
        outsider.run(&format!("set search_path = {}", which.name())).await;
        outsider.check(which, false).await;
    }
    let elsewhere = "select tablename::text from pg_tables where schemaname = 'public'";
    assert_eq!(outsider.texts(elsewhere).await, [""; 0]);
    // The database without a schema in its URL is a third one.
    let mut third = Service::start_with(Which::Auth, &database.url, &SEALED);
    third.serves();
}
