//! The columns that a store's tables have, as their database names them.

use std::path::Path;
use std::str::FromStr as _;

use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};

/// A table, one of its columns, that one's type, and whether it may be null.
pub type Found = (String, String, String, bool);

const OF_FILE: &str = "select t.name, c.name, lower(c.type), c.\"notnull\" = 0 from sqlite_schema t \
     join pragma_table_info(t.name) c where t.type = 'table' \
     and t.name not like 'sqlite\\_%' escape '\\' and t.name not like '\\_sqlx%' escape '\\'";

const OF_SERVER: &str = "select table_name::text, column_name::text, data_type::text, is_nullable = 'YES' \
     from information_schema.columns join information_schema.tables using (table_schema, table_name) \
     where table_type = 'BASE TABLE' and table_schema = current_schema() and table_name not like '\\_sqlx%'";

/// The columns of a file's tables, without the driver's own, in no order.
///
/// # Panics
/// When the file refuses to name them.
pub async fn columns_of_file(file: &Path) -> Vec<Found> {
    let columns = async {
        let mut connection = SqliteConnectOptions::new().filename(file).connect().await?;
        let columns = sqlx::query_as(OF_FILE).fetch_all(&mut connection).await?;
        connection.close().await?;
        Ok::<_, sqlx::Error>(columns)
    };
    columns.await.unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// The same of a server's database.
///
/// # Panics
/// When the server refuses to name them.
pub async fn columns_of_server(url: &str) -> Vec<Found> {
    let columns = async {
        let mut connection = PgConnectOptions::from_str(url)?.connect().await?;
        let columns = sqlx::query_as(OF_SERVER).fetch_all(&mut connection).await?;
        connection.close().await?;
        Ok::<_, sqlx::Error>(columns)
    };
    columns.await.unwrap_or_else(|error| panic!("the database does not name its columns: {error}"))
}
