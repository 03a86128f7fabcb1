//! Fills a database that no service has open with rows.

use std::path::Path;

use bench::Failure;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _};

/// Numbers from 1 up to a limit that the statement appends.
const NUMBERS_SQL: &str = "with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n <";

/// Adds this many live sessions of the user.
pub(super) async fn sessions(file: &Path, user: &str, count: usize) -> Result<(), Failure> {
    let mut database = SqliteConnectOptions::new().filename(file).connect().await?;
    let user = user.replace('-', "");
    // All columns but the id have the values of the user's own session.
    let columns = columns(&mut database).await?;
    let values: Vec<String> = columns.iter().map(|name| value(name)).collect();
    let begun = format!(
        "{NUMBERS_SQL} {count}) insert into sessions ({}) select {} from numbers, \
         (select * from sessions where user_id = x'{user}' limit 1) s",
        columns.join(", "),
        values.join(", ")
    );
    database.execute(AssertSqlSafe(begun)).await?;
    Ok(database.close().await?)
}

/// Adds this many revocations of sessions that do not exist.
pub(super) async fn revocations(file: &Path, count: usize) -> Result<(), Failure> {
    let mut database = SqliteConnectOptions::new().filename(file).connect().await?;
    let id = "lower(hex(randomblob(4)) || '-' || hex(randomblob(2)) || '-' || hex(randomblob(2)) || '-' || \
              hex(randomblob(2)) || '-' || hex(randomblob(6)))";
    let revoked = format!(
        "{NUMBERS_SQL} {count} - 1) insert into revocations (revision, mark, kind, subject, generation, log_time) \
         select h.revision + n, randomblob(16), 'session', {id}, 0, strftime('%Y-%m-%dT%H:%M:%f+00:00') \
         from numbers, log_head h"
    );
    let head = format!(
        "update log_head set mark = randomblob(16), kind = 'session', subject = {id}, \
         log_time = strftime('%Y-%m-%dT%H:%M:%f+00:00'), revision = revision + {count}"
    );
    for statement in [revoked, head] {
        database.execute(AssertSqlSafe(statement)).await?;
    }
    Ok(database.close().await?)
}

async fn columns(database: &mut SqliteConnection) -> Result<Vec<String>, Failure> {
    Ok(sqlx::query_scalar("select name from pragma_table_info('sessions')").fetch_all(database).await?)
}

/// Returns a column's value in a copy of a session.
fn value(column: &str) -> String {
    if column == "id" { "randomblob(16)".to_owned() } else { format!("s.{column}") }
}
