//! Administrative statements for a test's server.

use std::str::FromStr as _;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, Row as _};

use super::error::{PostgresError, failed};
use super::names;

/// Connects to the database of this URL.
pub(super) async fn connect(url: &str) -> Result<PgConnection, sqlx::Error> {
    PgConnection::connect_with(&PgConnectOptions::from_str(url)?).await
}

/// Runs a statement on a new connection.
pub(super) async fn execute(admin: &str, statement: String) -> Result<(), sqlx::Error> {
    let mut connection = connect(admin).await?;
    connection.execute(AssertSqlSafe(statement)).await?;
    connection.close().await
}

/// Creates a database from `template0`. This template accepts no connections, and a connection would make the copy
/// fail.
pub(super) async fn create(admin: &str, name: &str) -> Result<(), PostgresError> {
    let made = execute(admin, format!("create database {name} template template0")).await;
    made.map_err(failed("create a database"))
}

/// Returns the open transactions of a database, without the query's own.
pub(super) async fn transactions(url: &str) -> Result<Vec<String>, PostgresError> {
    const SQL: &str = "select format('%s: %s: %s', application_name, state, query) from pg_stat_activity \
         where datname = current_database() and pid <> pg_backend_pid() and xact_start is not null order by 1";
    let mut connection = connect(url).await.map_err(failed("list its transactions"))?;
    let open = sqlx::query_scalar(SQL).fetch_all(&mut connection).await.map_err(failed("list its transactions"))?;
    connection.close().await.map_err(failed("list its transactions"))?;
    Ok(open)
}

/// Promotes a standby.
pub(super) async fn promote(url: &str) -> Result<(), PostgresError> {
    const SQL: &str = "select pg_promote(true, 30)";
    let mut connection = connect(url).await.map_err(failed("promote a standby"))?;
    let is_promoted: bool =
        sqlx::query_scalar(SQL).fetch_one(&mut connection).await.map_err(failed("promote a standby"))?;
    if is_promoted { Ok(()) } else { Err(failed("promote a standby")("it took longer than 30 s")) }
}

/// Drops a database.
pub(super) async fn remove(admin: &str, name: &str) -> Result<(), sqlx::Error> {
    execute(admin, format!("drop database if exists {name} with (force)")).await
}

/// Removes databases that killed runs have left.
pub(super) async fn sweep(admin: &str) -> Result<(), PostgresError> {
    let mut connection = connect(admin).await.map_err(failed("answer at GATEPOST_TEST_POSTGRES"))?;
    let found =
        connection.fetch_all("select datname::text from pg_database").await.map_err(failed("list its databases"))?;
    let now = names::now();
    for name in found.iter().map(|row| row.get::<String, _>(0)).filter(|name| names::is_left(name, now)) {
        // Another run may remove the same database.
        let _ = remove(admin, &name).await;
    }
    connection.close().await.map_err(failed("list its databases"))
}
