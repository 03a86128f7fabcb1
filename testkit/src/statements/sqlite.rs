//! Plans of a SQLite file.

use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, Row as _};

use super::plan::{report, sqlite_scan};
use super::source::Statement;

/// Fills the tables of a store's file, and returns the statements that scan a table.
///
/// Includes the implicit statements of foreign keys when a row is deleted.
///
/// # Panics
/// Panics if the database refuses a statement.
pub async fn scans_of_file(file: &Path, statements: &[Statement]) -> Vec<String> {
    find(file, statements).await.unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// Returns the plan of a statement on the existing rows.
///
/// # Panics
/// Panics if the database refuses the statement.
pub async fn plan_of_file(file: &Path, sql: &str) -> String {
    let plan = async {
        let mut connection = SqliteConnectOptions::new().filename(file).connect().await?;
        let rows = connection.fetch_all(AssertSqlSafe(format!("explain query plan {sql}"))).await?;
        connection.close().await?;
        let steps: Vec<String> = rows.iter().map(|row| row.get("detail")).collect();
        Ok::<_, sqlx::Error>(steps.join("\n"))
    };
    plan.await.unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

async fn find(file: &Path, statements: &[Statement]) -> Result<Vec<String>, sqlx::Error> {
    // The rows are only for the planner, and break constraints.
    let options = SqliteConnectOptions::new().filename(file).foreign_keys(false);
    let mut connection = options.connect().await?;
    connection.execute("pragma ignore_check_constraints = on").await?;
    let tables = texts(
        &mut connection,
        "select name from sqlite_schema where type = 'table' and name not like 'sqlite\\_%' escape '\\' \
         and name not like '\\_sqlx%' escape '\\' order by name",
    )
    .await?;
    let mut asked = statements.to_vec();
    for table in &tables {
        fill(&mut connection, table).await?;
        asked.extend(keys(&mut connection, table).await?);
    }
    connection.execute("analyze").await?;
    let mut scans = Vec::new();
    for statement in &asked {
        let rows = connection.fetch_all(AssertSqlSafe(format!("explain query plan {}", statement.sql))).await;
        let rows = rows.unwrap_or_else(|error| panic!("{}: {error}\n    {}", statement.place, statement.sql));
        let steps: Vec<String> = rows.iter().map(|row| row.get("detail")).collect();
        scans.extend(sqlite_scan(&steps).map(|scan| report(statement, scan)));
    }
    connection.close().await?;
    Ok(scans)
}

async fn texts(connection: &mut SqliteConnection, sql: &'static str) -> Result<Vec<String>, sqlx::Error> {
    Ok(connection.fetch_all(sql).await?.iter().map(|row| row.get(0)).collect())
}

/// Inserts 3,000 rows with distinct values, beside an existing row.
async fn fill(connection: &mut SqliteConnection, table: &str) -> Result<(), sqlx::Error> {
    let columns = connection.fetch_all(AssertSqlSafe(format!("pragma table_info({table})"))).await?;
    let names: Vec<String> = columns.iter().map(|column| column.get("name")).collect();
    let values: Vec<&str> = columns
        .iter()
        .map(|column| match column.get::<String, _>("type").to_lowercase().as_str() {
            "blob" => "randomblob(16)",
            "integer" => "n",
            _ => "'row ' || n",
        })
        .collect();
    let sql = format!(
        "with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < 3000) \
         insert or ignore into {table} ({}) select {} from numbers",
        names.join(", "),
        values.join(", ")
    );
    connection.execute(AssertSqlSafe(sql)).await.map(drop)
}

/// Returns the statements that find rows with a foreign key to a deleted row.
async fn keys(connection: &mut SqliteConnection, table: &str) -> Result<Vec<Statement>, sqlx::Error> {
    let keys = connection.fetch_all(AssertSqlSafe(format!("pragma foreign_key_list({table})"))).await?;
    let statement = |column: String| Statement {
        place: format!("the foreign key {table} ({column})"),
        sql: format!("delete from {table} where {column} = $1"),
    };
    Ok(keys.iter().map(|key| statement(key.get("from"))).collect())
}
