//! Databases that are refused when a service opens them. The errors say what to do, and contain no password.

use std::fs;
use std::net::TcpListener;

use db::{DatabaseUrl, OpenError};
use sqlx::{Connection as _, PgConnection};

use crate::support::open;

async fn refused(url: &str) -> OpenError {
    open(&url.parse::<DatabaseUrl>().unwrap()).await.expect_err("the database is refused")
}

#[tokio::test]
async fn server_without_durable_commits_is_refused() {
    let Some(database) = testkit::postgres::database().await else { return };
    let sql = "do $$ begin
        execute format('alter database %I set synchronous_commit = off', current_database());
    end $$";
    database.run(sql).await;
    let error = refused(&database.url).await;
    assert!(matches!(error, OpenError::Forgetful(_)), "{error}");
    assert!(error.to_string().contains("synchronous_commit = off"), "{error}");
    assert!(error.to_string().ends_with("set it to on"), "{error}");
}

// A start waits half a minute for the server. The paused clock skips the wait.
#[tokio::test(start_paused = true)]
async fn absent_server_is_named_without_password() {
    // The port is free again once the listener is dropped.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = refused(&format!("postgres://ada:s3cret@{address}/auth?sslmode=disable")).await;
    assert!(matches!(error, OpenError::Away(..)), "{error}");
    let text = format!("{error} {error:?}");
    let wanted = format!("the PostgreSQL database auth at {address} refuses the connection or does not answer (");
    assert!(text.starts_with(&wanted), "{text}");
    assert!(text.contains("check the server, user, password and database"), "{text}");
    assert!(!text.contains("s3cret") && !text.contains("ada"), "{text}");
}

#[tokio::test]
async fn wrong_password_fails_at_once_and_stays_secret() {
    let Some(server) = testkit::postgres::server().await else { return };
    let mut admin = PgConnection::connect(&server.url("postgres")).await.unwrap();
    sqlx::query("create role ada login password 'right'").execute(&mut admin).await.unwrap();
    let rules: String = sqlx::query_scalar("show hba_file").fetch_one(&mut admin).await.unwrap();
    admin.close().await.unwrap();
    fs::write(rules, "local all postgres trust\nlocal all all scram-sha-256\n").unwrap();
    server.stop_fast().await.unwrap();
    server.start_again().await.unwrap();

    let url = |password: &str| server.url("postgres").replace("postgres@", &format!("ada:{password}@"));
    let error = refused(&url("s3cret")).await;
    assert!(matches!(error, OpenError::Away(..)), "{error}");
    let text = format!("{error} {error:?}");
    assert!(text.contains("password authentication failed"), "{text}");
    assert!(text.contains("check the server, user, password and database"), "{text}");
    assert!(!text.contains("s3cret"), "{text}");
}

/// Runs statements on a separate connection, as another program would.
async fn run(server: &testkit::postgres::PostgresServer, sql: &'static str) {
    let mut admin = PgConnection::connect(&server.url("postgres")).await.unwrap();
    sqlx::raw_sql(sql).execute(&mut admin).await.unwrap();
    admin.close().await.unwrap();
}

#[tokio::test]
async fn database_that_is_not_utf8_is_refused() {
    let Some(server) = testkit::postgres::server().await else { return };
    run(&server, "create database old encoding 'LATIN1' locale 'C' template template0").await;
    let error = refused(&server.url("old")).await;
    assert!(matches!(error, OpenError::Encoded(..)), "{error}");
    assert!(error.to_string().contains("has the encoding LATIN1"), "{error}");
}

#[tokio::test]
async fn database_that_takes_no_writes_is_refused() {
    let Some(server) = testkit::postgres::server().await else { return };
    run(&server, "alter database postgres set default_transaction_read_only = on").await;
    let error = refused(&server.url("postgres")).await;
    assert!(matches!(error, OpenError::ReadOnly(_)), "{error}");
}

#[tokio::test]
async fn standby_is_refused() {
    let Some(server) = testkit::postgres::server().await else { return };
    let mut admin = PgConnection::connect(&server.url("postgres")).await.unwrap();
    let data: String = sqlx::query_scalar("show data_directory").fetch_one(&mut admin).await.unwrap();
    admin.close().await.unwrap();
    server.stop_fast().await.unwrap();
    fs::write(format!("{data}/standby.signal"), "").unwrap();
    server.start_again().await.unwrap();
    let error = refused(&server.url("postgres")).await;
    assert!(matches!(error, OpenError::Standby(_)), "{error}");
    assert!(error.to_string().ends_with("name the primary, or promote this server"), "{error}");
}
