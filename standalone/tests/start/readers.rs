//! Calls of the previous release continue while a database is migrated.

use sqlx::{AssertSqlSafe, Connection as _, Error, PgConnection};

use super::outsider::Outsider;
use super::service::{Service, Which};

/// Statements that may lock out readers: they change the catalog and no row.
const CATALOG_STATEMENTS: [&str; 2] = ["alter table", "drop index"];

/// Parts of statements that must not lock out readers: they work on each row of a table.
const ROW_STATEMENTS: [&str; 3] = ["update sessions", "insert into user_roles", "on sessions ("];

/// Reads a table of the first migration, with a limit for the wait.
async fn read(url: &str, which: Which, limit: &str) -> Result<(), Error> {
    let table = if which == Which::Auth { "sessions" } else { "posts" };
    let mut reader = PgConnection::connect(url).await?;
    sqlx::raw_sql(AssertSqlSafe(format!("set lock_timeout = '{limit}'; select count(*) from {table}")))
        .execute(&mut reader)
        .await?;
    reader.close().await
}

/// Checks a statement of a start while the statement is held up: it locks out no reader, or only changes the catalog.
pub(super) async fn check_not_shut_out(which: Which, url: &str, outsider: &mut Outsider) {
    const HELD: &str =
        "select query from pg_stat_activity where datname = current_database() and wait_event = 'advisory'";
    // The trigger warns before it waits. On a busy machine the wait may begin after the warning was read.
    let mut held = String::new();
    while held.is_empty() {
        held = outsider.texts(HELD).await.join("\n");
    }
    if let Err(error) = read(url, which, "100ms").await {
        let has = |parts: &[&str]| parts.iter().any(|part| held.contains(part));
        assert!(has(&CATALOG_STATEMENTS) && !has(&ROW_STATEMENTS), "{error}: {held}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn start_that_waits_for_a_table_lets_readers_pass() {
    let Some(database) = testkit::postgres::database().await else { return };
    let mut outsider = Outsider::of_server(&database.url).await;
    outsider.make_older(Which::Auth, 1).await;
    // A long read, such as a dump: the second migration alters this table.
    let mut dump = Outsider::of_server(&database.url).await;
    dump.run("begin; lock table sessions in access share mode").await;
    let mut service = Service::start(Which::Auth, &database.url);
    for _ in 0..3 {
        while outsider.texts("select mode from pg_locks where not granted and locktype = 'relation'").await.is_empty() {
        }
        read(&database.url, Which::Auth, "1s").await.unwrap();
    }
    dump.run("commit").await;
    service.serves();
    outsider.check(Which::Auth, true).await;
}
