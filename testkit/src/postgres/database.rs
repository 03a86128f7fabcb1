//! A database for one test, which goes when the test has ended.

use std::time::Duration;

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _, Executor as _};
use tokio::sync::OnceCell;
use tokio::time::timeout;

use super::admin::{connect, create, remove, sweep};
use super::error::Error;
use super::names;
use super::server::PostgresServer;
use super::setting::{Setting, skipped};
use crate::apart::{apart, apart_blocking};

/// How long a dropped database holds its test up, at the most.
const DROPPED: Duration = Duration::from_secs(10);

/// The one server for all tests of this process. It is never dropped: its watchdog ends it.
static SERVER: OnceCell<Source> = OnceCell::const_new();

/// Where databases are made.
struct Source {
    /// The URL of a database that is there, as somebody who may make others.
    admin: String,
    /// Keeps the server of this process's own.
    _server: Option<PostgresServer>,
}

/// An empty database of a test's own. When the value is dropped, the database is, with whoever is still connected.
pub struct PostgresDatabase {
    /// Its URL.
    pub url: String,
    name: String,
    admin: String,
}

/// A new, empty database, or `None` where PostgreSQL is skipped.
///
/// # Panics
/// When there is no server, or it refuses, and, in CI, where it would be `None`.
pub async fn database() -> Option<PostgresDatabase> {
    let setting = Setting::read();
    if matches!(setting, Setting::Skip) {
        skipped("GATEPOST_TEST_POSTGRES=skip");
        return None;
    }
    let made = apart(async move {
        let source = SERVER.get_or_try_init(|| Source::find(setting)).await?;
        let name = names::unique();
        create(&source.admin, &name).await?;
        Ok::<_, Error>(PostgresDatabase {
            url: names::with_database(&source.admin, &name),
            name,
            admin: source.admin.clone(),
        })
    });
    Some(made.await.unwrap_or_else(|error| panic!("{error}")))
}

impl Source {
    async fn find(setting: Setting) -> Result<Self, Error> {
        if let Setting::Given(admin) = setting {
            sweep(&admin).await?;
            return Ok(Self { admin, _server: None });
        }
        let server = PostgresServer::start().await?;
        Ok(Self { admin: server.url("postgres"), _server: Some(server) })
    }
}

impl PostgresDatabase {
    /// A connection of another program's.
    ///
    /// # Panics
    /// When the server gives none.
    #[expect(clippy::expect_used, reason = "no test can run without it")]
    pub async fn connect(&self) -> PgConnection {
        connect(&self.url).await.expect("a connection to the test's database")
    }

    /// Runs statements as another program, on a connection of their own.
    ///
    /// # Panics
    /// When the database refuses them.
    #[expect(clippy::expect_used, reason = "a test whose fault is not in place shows nothing")]
    pub async fn run(&self, sql: &str) {
        let mut connection = self.connect().await;
        connection.execute(AssertSqlSafe(sql.to_owned())).await.expect("a statement that fits the database");
        connection.close().await.expect("the connection closes");
    }
}

impl Drop for PostgresDatabase {
    fn drop(&mut self) {
        let (admin, name) = (self.admin.clone(), self.name.clone());
        // What is left behind now goes with the server, or is swept away by a later run.
        apart_blocking(async move { drop(timeout(DROPPED, remove(&admin, &name)).await) });
    }
}
