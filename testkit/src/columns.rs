//! Columns of a store's tables, as the database reports them.

use std::path::Path;
use std::str::FromStr as _;

use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};

/// Table, column, type, and true if the column may be null.
pub type FoundColumn = (String, String, String, bool);

const SQLITE_COLUMNS_SQL: &str = "select t.name, c.name, lower(c.type), c.\"notnull\" = 0 from sqlite_schema t \
     join pragma_table_info(t.name) c where t.type = 'table' \
     and t.name not like 'sqlite\\_%' escape '\\' and t.name not like '\\_%' escape '\\'";

const POSTGRES_COLUMNS_SQL: &str = "select table_name::text, column_name::text, data_type::text, is_nullable = 'YES' \
     from information_schema.columns join information_schema.tables using (table_schema, table_name) \
     where table_type = 'BASE TABLE' and table_schema = current_schema() and table_name not like '\\_sqlx%'";

/// Returns the columns of a file's tables, without the driver's own, in no order.
///
/// # Panics
/// Panics if the file cannot be read.
pub async fn columns_of_file(file: &Path) -> Vec<FoundColumn> {
    let columns = async {
        let mut connection = SqliteConnectOptions::new().filename(file).connect().await?;
        let columns = sqlx::query_as(SQLITE_COLUMNS_SQL).fetch_all(&mut connection).await?;
        connection.close().await?;
        Ok::<_, sqlx::Error>(columns)
    };
    columns.await.unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// Returns the columns of a server's database, like [`columns_of_file`].
///
/// # Panics
/// Panics if the server refuses the query.
pub async fn columns_of_server(url: &str) -> Vec<FoundColumn> {
    let columns = async {
        let mut connection = PgConnectOptions::from_str(url)?.connect().await?;
        let columns = sqlx::query_as(POSTGRES_COLUMNS_SQL).fetch_all(&mut connection).await?;
        connection.close().await?;
        Ok::<_, sqlx::Error>(columns)
    };
    columns.await.unwrap_or_else(|error| panic!("the database does not name its columns: {error}"))
}
