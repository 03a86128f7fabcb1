//! Plans of a PostgreSQL database.

use std::str::FromStr as _;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, Executor as _, Row as _, raw_sql};

use super::plan::{postgres_scan, report};
use super::source::Statement;

/// Statement for the tables of a store, without the driver's own.
const TABLES_SQL: &str = "select tablename::text from pg_tables where schemaname = current_schema() \
     and tablename not like '\\_sqlx%' order by tablename";

/// Statement for the checks of a table. The checks would refuse the rows that only the planner needs.
const CHECKS_SQL: &str = "select conname::text from pg_constraint where contype = 'c' and conrelid = $1::regclass";

/// Statement for the columns of a table.
const COLUMNS_SQL: &str = "select column_name::text, data_type::text from information_schema.columns \
     where table_schema = current_schema() and table_name = $1 order by ordinal_position";

/// Statement for the columns of a table with a foreign key.
const FOREIGN_KEYS_SQL: &str = "select a.attname::text from pg_constraint c \
     join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1] \
     where c.contype = 'f' and c.conrelid = $1::regclass";

/// Drops the checks of a store's database, fills its tables, and returns the statements that scan a table.
///
/// Includes the implicit statements of foreign keys when a row is deleted.
///
/// # Panics
/// Panics if the database refuses a statement.
pub async fn scans_of_server(url: &str, statements: &[Statement]) -> Vec<String> {
    find(url, statements).await.unwrap_or_else(|error| panic!("the database refuses the plans: {error}"))
}

/// Returns the server's generic plan of a statement on the existing rows.
///
/// # Panics
/// Panics if the database refuses the statement.
pub async fn plan_of_server(url: &str, sql: &str) -> String {
    let plan = async {
        let mut connection = PgConnectOptions::from_str(url)?.connect().await?;
        connection.execute("analyze").await?;
        connection.execute("set plan_cache_mode = force_generic_plan").await?;
        let plan = explain(&mut connection, sql).await?;
        connection.close().await?;
        Ok::<_, sqlx::Error>(plan.join("\n"))
    };
    plan.await.unwrap_or_else(|error| panic!("the database refuses the plan: {error}"))
}

async fn find(url: &str, statements: &[Statement]) -> Result<Vec<String>, sqlx::Error> {
    let mut connection = PgConnectOptions::from_str(url)?.connect().await?;
    let mut asked = statements.to_vec();
    connection.execute("set session_replication_role = replica").await?;
    for table in texts(&mut connection, TABLES_SQL, None).await? {
        for check in texts(&mut connection, CHECKS_SQL, Some(&table)).await? {
            connection.execute(AssertSqlSafe(format!("alter table {table} drop constraint {check}"))).await?;
        }
        fill(&mut connection, &table).await?;
        for column in texts(&mut connection, FOREIGN_KEYS_SQL, Some(&table)).await? {
            let place = format!("the foreign key {table} ({column})");
            asked.push(Statement { place, sql: format!("delete from {table} where {column} = $1") });
        }
    }
    // With these settings, a plan has a scan only if no index serves the statement, and the plan is the generic one.
    for setting in ["analyze", "set enable_seqscan = off", "set plan_cache_mode = force_generic_plan"] {
        connection.execute(setting).await?;
    }
    let mut scans = Vec::new();
    for statement in &asked {
        let plan = explain(&mut connection, &statement.sql).await;
        let plan = plan.unwrap_or_else(|error| panic!("{}: {error}\n    {}", statement.place, statement.sql));
        scans.extend(postgres_scan(&plan).map(|scan| report(statement, scan.trim())));
    }
    connection.close().await?;
    Ok(scans)
}

async fn texts(connection: &mut PgConnection, sql: &'static str, of: Option<&str>) -> Result<Vec<String>, sqlx::Error> {
    let query = sqlx::query_scalar(sql);
    match of {
        Some(of) => query.bind(of.to_owned()).fetch_all(connection).await,
        None => query.fetch_all(connection).await,
    }
}

/// Inserts 3,000 rows with distinct values, beside an existing row.
async fn fill(connection: &mut PgConnection, table: &str) -> Result<(), sqlx::Error> {
    let columns: Vec<(String, String)> =
        sqlx::query_as(COLUMNS_SQL).bind(table.to_owned()).fetch_all(&mut *connection).await?;
    let value = |kind: &str| match kind {
        "uuid" => "md5(n::text)::uuid",
        "bytea" => "decode(md5(n::text), 'hex')",
        "integer" | "bigint" => "n",
        "timestamp with time zone" => "timestamptz '2026-01-01 00:00:00Z' + n * interval '1 second'",
        _ => "'row ' || n",
    };
    let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
    let values: Vec<&str> = columns.iter().map(|(_, kind)| value(kind)).collect();
    let rows = format!("select {} from generate_series(1, 3000) n", values.join(", "));
    connection
        .execute(AssertSqlSafe(format!("insert into {table} ({}) {rows} on conflict do nothing", names.join(", "))))
        .await
        .map(drop)
}

async fn explain(connection: &mut PgConnection, sql: &str) -> Result<Vec<String>, sqlx::Error> {
    let kinds = parameters(connection, sql).await?;
    let in_brackets =
        |words: Vec<&str>| if words.is_empty() { String::new() } else { format!("({})", words.join(", ")) };
    let nulls = in_brackets(vec!["null"; kinds.len()]);
    let kinds = in_brackets(kinds.iter().map(String::as_str).collect());
    connection.execute(raw_sql(AssertSqlSafe(format!("prepare asked {kinds} as {sql}")))).await?;
    let explained = raw_sql(AssertSqlSafe(format!("explain (costs off) execute asked {nulls}")));
    let plan = connection.fetch_all(explained).await?;
    connection.execute(raw_sql("deallocate asked")).await?;
    Ok(plan.iter().map(|row| row.get(0)).collect())
}

/// Returns the types of a statement's parameters, as the server infers them. An `is null` on a parameter prevents the
/// inference, so it is replaced.
async fn parameters(connection: &mut PgConnection, sql: &str) -> Result<Vec<String>, sqlx::Error> {
    const TYPES: &str = "select kind::text from pg_prepared_statements, unnest(parameter_types) with ordinality k (kind, n) \
         where name = 'typed' order by n";
    let inferable = (1..=16).fold(sql.to_owned(), |sql, number| sql.replace(&format!("${number} is null"), "false"));
    connection.execute(raw_sql(AssertSqlSafe(format!("prepare typed as {inferable}")))).await?;
    let found = sqlx::query_scalar(TYPES).fetch_all(&mut *connection).await?;
    connection.execute(raw_sql("deallocate typed")).await?;
    Ok(found)
}
