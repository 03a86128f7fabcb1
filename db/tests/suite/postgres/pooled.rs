//! PgBouncer in front of the server: session mode works, the other modes are refused.

use db::{DatabaseUrl, OpenError, StoreError, read};
use sqlx::{Connection as _, PgConnection};
use testkit::postgres::{Bouncer, PostgresServer};

use crate::support::{Notes, add, open};

/// Returns the number of advisory locks that sessions hold.
async fn locks(server: &PostgresServer) -> i64 {
    const SQL: &str = "select count(*) from pg_locks where locktype = 'advisory'";
    let mut connection = PgConnection::connect(&server.url("postgres")).await.unwrap();
    let locks = sqlx::query_scalar(SQL).fetch_one(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    locks
}

#[tokio::test]
async fn session_mode_has_all_limits_and_keeps_no_lock() {
    const LIMITS: &str = "select setting || unit from pg_settings
        where name in ('lock_timeout', 'statement_timeout') order by name";
    let Some(server) = testkit::postgres::server().await else { return };
    let documented = "ignore_startup_parameters = extra_float_digits, options";
    for line in ["", documented] {
        let Some(bouncer) = Bouncer::start(&server, &["pool_mode = session", line]).await else { return };
        let url: DatabaseUrl = bouncer.url("postgres").parse().unwrap();
        for id in 1..=3 {
            let notes = Notes { db: open(&url).await.unwrap() };
            assert_eq!(locks(&server).await, 0, "{line}");
            add(notes.db.clone(), id, id.to_string()).await.unwrap();
            // The session has these limits, so the server ends longer statements (see `limits`).
            let read: Result<Vec<String>, StoreError> =
                read!(notes.db, |reader| sqlx::query_scalar(LIMITS).fetch_all(reader));
            assert_eq!(read.unwrap(), ["300ms", "400ms"], "{line}");
            notes.db.close().await;
        }
        let mut admin = PgConnection::connect(&server.url("postgres")).await.unwrap();
        sqlx::query("delete from notes").execute(&mut admin).await.unwrap();
        admin.close().await.unwrap();
    }
}

#[tokio::test]
async fn schema_of_the_url_is_used_behind_a_pooler() {
    let Some(server) = testkit::postgres::server().await else { return };
    let lines = ["pool_mode = session", "ignore_startup_parameters = extra_float_digits, options"];
    let Some(bouncer) = Bouncer::start(&server, &lines).await else { return };
    let mut admin = PgConnection::connect(&server.url("postgres")).await.unwrap();
    sqlx::query("create schema blog").execute(&mut admin).await.unwrap();
    let url = format!("{}&options=-c%20search_path%3Dblog", bouncer.url("postgres"));
    let notes = Notes { db: open(&url.parse().unwrap()).await.unwrap() };
    add(notes.db.clone(), 1, "a".into()).await.unwrap();
    let there: i64 = sqlx::query_scalar("select count(*) from blog.notes").fetch_one(&mut admin).await.unwrap();
    assert_eq!(there, 1);
    notes.db.close().await;
}

#[tokio::test]
async fn other_modes_are_refused_by_name_and_leave_nothing() {
    let Some(server) = testkit::postgres::server().await else { return };
    for mode in ["transaction", "statement"] {
        for size in ["default_pool_size = 20", "default_pool_size = 1"] {
            let mode_line = format!("pool_mode = {mode}");
            let lines = [mode_line.as_str(), size];
            let Some(bouncer) = Bouncer::start(&server, &lines).await else { return };
            for _ in 0..3 {
                let error = open(&bouncer.url("postgres").parse().unwrap()).await.expect_err(mode);
                assert!(matches!(error, OpenError::SharedSessions(_)), "{mode}, {size}: {error}");
                assert!(error.to_string().contains("set pool_mode = session for this database"), "{error}");
                assert_eq!(locks(&server).await, 0);
            }
        }
    }
    let url: DatabaseUrl = server.url("postgres").parse().unwrap();
    open(&url).await.unwrap();
}
