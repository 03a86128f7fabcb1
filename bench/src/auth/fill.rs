//! Fills a database that no service has open with rows.

use std::path::Path;

use bench::Failure;
use bench::fill::{self, FilledDatabase};
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
    let database = FilledDatabase::Sqlite(file.to_owned());
    database.run(&fill::revocations(database.dialect(), u64::try_from(count)?)).await
}

async fn columns(database: &mut SqliteConnection) -> Result<Vec<String>, Failure> {
    Ok(sqlx::query_scalar("select name from pragma_table_info('sessions')").fetch_all(database).await?)
}

/// Returns a column's value in a copy of a session.
fn value(column: &str) -> String {
    if column == "id" { "randomblob(16)".to_owned() } else { format!("s.{column}") }
}
