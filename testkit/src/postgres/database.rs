//! A PostgreSQL database for one test, removed at its end.

use std::time::Duration;

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
use tokio::sync::OnceCell;
use tokio::time::timeout;

use super::admin::{connect, create, remove, sweep};
use super::error::PostgresError;
use super::names;
use super::server::PostgresServer;
use super::setting::{Setting, skipped};
use crate::apart::{apart, apart_blocking};

/// Time limit of the removal of a database.
const REMOVE_TIMEOUT: Duration = Duration::from_secs(10);

/// Columns, indexes, constraints, triggers, and the record of migrations.
const SCHEMA: [&str; 5] = [
    "select concat_ws(' ', table_name, column_name, data_type, is_nullable, column_default) \
     from information_schema.columns where table_schema = 'public' order by 1",
    "select indexdef from pg_indexes where schemaname = 'public' order by 1",
    "select conrelid::regclass::text || ' ' || pg_get_constraintdef(oid) from pg_constraint \
     where connamespace = 'public'::regnamespace order by 1",
    "select pg_get_triggerdef(oid) from pg_trigger where not tgisinternal order by 1",
    "select concat_ws(' ', version, description, success, encode(checksum, 'hex')) from _sqlx_migrations order by 1",
];

/// The server for all tests of this process. It is never dropped; its watchdog ends it.
static SERVER: OnceCell<DatabaseServer> = OnceCell::const_new();

/// The server on which databases are created.
struct DatabaseServer {
    /// URL of an existing database, with an account that may create others.
    admin: String,
    /// Server of this process, kept alive.
    _server: Option<PostgresServer>,
}

/// A database for one test. Dropping the value drops the database and its connections.
pub struct PostgresDatabase {
    /// URL of the database.
    pub url: String,
    name: String,
    admin: String,
}

/// Creates an empty database; returns `None` if PostgreSQL is skipped.
///
/// # Panics
/// Panics if the server is missing or fails. In CI it also panics instead of returning `None`.
pub async fn database() -> Option<PostgresDatabase> {
    let setting = Setting::read();
    if matches!(setting, Setting::Skip) {
        skipped("GATEPOST_TEST_POSTGRES=skip");
        return None;
    }
    let made = apart(async move {
        let source = SERVER.get_or_try_init(|| DatabaseServer::find(setting)).await?;
        let name = names::unique();
        create(&source.admin, &name).await?;
        Ok::<_, PostgresError>(PostgresDatabase {
            url: names::with_database(&source.admin, &name),
            name,
            admin: source.admin.clone(),
        })
    });
    Some(made.await.unwrap_or_else(|error| panic!("{error}")))
}

impl DatabaseServer {
    async fn find(setting: Setting) -> Result<Self, PostgresError> {
        if let Setting::Given(admin) = setting {
            sweep(&admin).await?;
            return Ok(Self { admin, _server: None });
        }
        let server = PostgresServer::start().await?;
        Ok(Self { admin: server.url("postgres"), _server: Some(server) })
    }
}

impl PostgresDatabase {
    /// Opens a separate connection.
    ///
    /// # Panics
    /// Panics if the connection fails.
    #[expect(clippy::expect_used, reason = "no test can run without it")]
    pub async fn connect(&self) -> PgConnection {
        connect(&self.url).await.expect("a connection to the test's database")
    }

    /// Runs statements on a separate connection.
    ///
    /// # Panics
    /// Panics if the database refuses them.
    #[expect(clippy::expect_used, reason = "a test whose fault is not in place shows nothing")]
    pub async fn run(&self, sql: &str) {
        let mut connection = self.connect().await;
        connection.execute(AssertSqlSafe(sql.to_owned())).await.expect("a statement that fits the database");
        connection.close().await.expect("the connection closes");
    }

    /// Returns the texts of these queries' single columns, in order.
    ///
    /// # Panics
    /// Panics if the database refuses a query, or its column is no text.
    #[expect(clippy::expect_used, reason = "a test without its texts shows nothing")]
    pub async fn texts(&self, queries: &[&str]) -> Vec<String> {
        let mut connection = self.connect().await;
        let mut all = Vec::new();
        for query in queries {
            let query = AssertSqlSafe((*query).to_owned());
            let found: Vec<String> = sqlx::query_scalar(query).fetch_all(&mut connection).await.expect("texts");
            all.extend(found);
        }
        connection.close().await.expect("the connection closes");
        all
    }

    /// Returns a line for each column, index, constraint and trigger, and for each recorded migration.
    ///
    /// # Panics
    /// Panics like [`Self::texts`].
    pub async fn schema(&self) -> Vec<String> {
        self.texts(&SCHEMA).await
    }
}

impl Drop for PostgresDatabase {
    fn drop(&mut self) {
        let (admin, name) = (self.admin.clone(), self.name.clone());
        // If the removal fails, the database is removed with the server, or by a later run.
        apart_blocking(async move { drop(timeout(REMOVE_TIMEOUT, remove(&admin, &name)).await) });
    }
}
