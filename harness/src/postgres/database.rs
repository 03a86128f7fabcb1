//! A database for one test, which goes when the test has ended.

use std::str::FromStr as _;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, Row as _};
use tokio::sync::OnceCell;
use tokio::time::timeout;

use super::error::{Error, failed};
use super::names;
use super::server::Server;
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
    _server: Option<Server>,
}

/// An empty database of a test's own. When the value is dropped, the database is, with whoever is still connected.
pub struct Database {
    /// Its URL.
    pub url: String,
    name: String,
    admin: String,
}

/// A new, empty database, or `None` where PostgreSQL is skipped.
///
/// # Panics
/// When there is no server, or it refuses, and, in CI, where it would be `None`.
pub async fn database() -> Option<Database> {
    let setting = Setting::read();
    if matches!(setting, Setting::Skip) {
        skipped("GATEPOST_TEST_POSTGRES=skip");
        return None;
    }
    let made = apart(async move {
        let source = SERVER.get_or_try_init(|| Source::find(setting)).await?;
        let name = names::unique();
        create(&source.admin, &name).await?;
        Ok::<_, Error>(Database { url: names::with_database(&source.admin, &name), name, admin: source.admin.clone() })
    });
    Some(made.await.unwrap_or_else(|error| panic!("{error}")))
}

impl Source {
    async fn find(setting: Setting) -> Result<Self, Error> {
        if let Setting::Given(admin) = setting {
            sweep(&admin).await?;
            return Ok(Self { admin, _server: None });
        }
        let server = Server::start().await?;
        Ok(Self { admin: server.url("postgres"), _server: Some(server) })
    }
}

impl Database {
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

impl Drop for Database {
    fn drop(&mut self) {
        let (admin, name) = (self.admin.clone(), self.name.clone());
        // What is left behind now goes with the server, or is swept away by a later run.
        apart_blocking(async move { drop(timeout(DROPPED, remove(&admin, &name)).await) });
    }
}

async fn connect(url: &str) -> Result<PgConnection, sqlx::Error> {
    PgConnection::connect_with(&PgConnectOptions::from_str(url)?).await
}

/// Runs a statement on a connection of its own.
pub(super) async fn execute(admin: &str, statement: String) -> Result<(), sqlx::Error> {
    let mut connection = connect(admin).await?;
    connection.execute(AssertSqlSafe(statement)).await?;
    connection.close().await
}

/// Makes a database. `template0` since nobody can be connected to it.
pub(super) async fn create(admin: &str, name: &str) -> Result<(), Error> {
    let made = execute(admin, format!("create database {name} template template0")).await;
    made.map_err(failed("make a database"))
}

/// The open transactions of a database, but for one's own.
pub(super) async fn transactions(url: &str) -> Result<Vec<String>, Error> {
    const SQL: &str = "select format('%s: %s: %s', application_name, state, query) from pg_stat_activity \
         where datname = current_database() and pid <> pg_backend_pid() and xact_start is not null order by 1";
    let mut connection = connect(url).await.map_err(failed("name its transactions"))?;
    let open = sqlx::query_scalar(SQL).fetch_all(&mut connection).await.map_err(failed("name its transactions"))?;
    connection.close().await.map_err(failed("name its transactions"))?;
    Ok(open)
}

/// Promotes a standby.
pub(super) async fn promote(url: &str) -> Result<(), Error> {
    const SQL: &str = "select pg_promote(true, 30)";
    let mut connection = connect(url).await.map_err(failed("promote a standby"))?;
    let is_promoted: bool =
        sqlx::query_scalar(SQL).fetch_one(&mut connection).await.map_err(failed("promote a standby"))?;
    if is_promoted { Ok(()) } else { Err(failed("promote a standby")("it took longer than 30 s")) }
}

async fn remove(admin: &str, name: &str) -> Result<(), sqlx::Error> {
    execute(admin, format!("drop database if exists {name} with (force)")).await
}

/// Removes what killed runs have left.
async fn sweep(admin: &str) -> Result<(), Error> {
    let mut connection = connect(admin).await.map_err(failed("answer at GATEPOST_TEST_POSTGRES"))?;
    let found =
        connection.fetch_all("select datname::text from pg_database").await.map_err(failed("name its databases"))?;
    let now = names::now();
    for name in found.iter().map(|row| row.get::<String, _>(0)).filter(|name| names::is_left(name, now)) {
        // Another run may be sweeping, too.
        let _ = remove(admin, &name).await;
    }
    connection.close().await.map_err(failed("name its databases"))
}
