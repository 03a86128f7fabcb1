//! Scans are found on both engines, and searches are not reported as scans.

#![cfg(test)]

use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, Executor as _};
use testkit::postgres::database;
use testkit::statements::{Statement, scans_of_file, scans_of_server};

const TABLE: &str = "create table users (id integer primary key, name text not null, revision integer not null)";

const SCANS: [&str; 4] = [
    "select id from users where name = $1",
    "select count(*) from users",
    "update users set name = $1 where revision > $2",
    "select name from users order by id",
];

const SEARCH: &str = "select name from users where id < $1 order by id";

fn all() -> Vec<Statement> {
    let statement = |sql: &str| Statement { place: "here".into(), sql: sql.into() };
    SCANS.into_iter().chain([SEARCH]).map(statement).collect()
}

fn assert_scans(found: &[String]) {
    assert_eq!(found.len(), SCANS.len(), "{found:?}");
    for (found, scan) in found.iter().zip(SCANS) {
        assert!(found.ends_with(scan), "{found}");
    }
}

#[tokio::test]
async fn scan_of_a_file_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("test.db");
    let mut connection = SqliteConnectOptions::new().filename(&file).create_if_missing(true).connect().await.unwrap();
    connection.execute(TABLE).await.unwrap();
    connection.close().await.unwrap();
    assert_scans(&scans_of_file(&file, &all()).await);
}

#[tokio::test]
async fn scan_of_a_servers_table_is_found() {
    let Some(database) = database().await else { return };
    database.run(TABLE).await;
    assert_scans(&scans_of_server(&database.url, &all()).await);
}
