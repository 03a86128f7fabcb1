//! A server's database that is copied, or filled: without the limits of calls, and watched for services that use it.

use std::time::Duration;

use sqlx::PgConnection;
use tokio::time::{Instant, sleep};

use super::migrate::{migrate, reach};
use super::open::APPLICATION;
use super::session::Opening;
use crate::patience::PATIENCE;
use crate::url::Server;
use crate::{Migrations, OpenError};

/// What a copy's connections are called, so that they are not taken for a service's.
const COPIER: &str = "gatepost copy";

/// A copy may take long, and a statement of it, too; the transaction of the one side waits while the other works. A copy
/// that was killed, or cut off, is undone soon. No `tcp_user_timeout`: it ends whoever is read slowly.
const SESSION: [(&str, &str); 8] = [
    ("statement_timeout", "0"),
    ("idle_in_transaction_session_timeout", "0"),
    ("lock_timeout", "10s"),
    ("client_connection_check_interval", "500ms"),
    ("tcp_keepalives_idle", "30"),
    ("tcp_keepalives_interval", "10"),
    ("tcp_keepalives_count", "3"),
    ("client_min_messages", "warning"),
];

/// How long a service that has just ended may still be seen.
const OVERLAP: Duration = Duration::from_secs(2);

/// How often is looked meanwhile.
const LOOK: Duration = Duration::from_millis(50);

/// Connects as a copy; waits for a server that starts.
pub(crate) async fn connect_to_copy(server: &Server) -> Result<PgConnection, OpenError> {
    reach(&server.to_string(), &opening(server).with(SESSION).quiet(), PATIENCE).await.map(|reached| reached.connection)
}

/// Applies the migrations that the database lacks, as a service does.
pub(crate) async fn migrate_to_fill(server: &Server, migrations: &Migrations) -> Result<(), OpenError> {
    migrate(&server.to_string(), &opening(server), migrations, PATIENCE).await.map(drop)
}

fn opening(server: &Server) -> Opening {
    Opening::named(server, COPIER).renamed(COPIER)
}

/// How many connections services have to this database, by the name that theirs have.
pub(crate) async fn services_at(server: &Server, connection: &mut PgConnection) -> Result<i64, sqlx::Error> {
    const SQL: &str = "select count(*) from pg_stat_activity \
         where datname = current_database() and pid <> pg_backend_pid() and application_name in ($1, $2)";
    let options = server.options();
    let own = options.get_application_name().unwrap_or(APPLICATION);
    let give_up = Instant::now() + OVERLAP;
    loop {
        let found = sqlx::query_scalar(SQL).bind(APPLICATION).bind(own).fetch_one(&mut *connection).await?;
        if found == 0 || Instant::now() >= give_up {
            return Ok(found);
        }
        sleep(LOOK).await;
    }
}

/// Whether the database has a table of this name where ours are.
pub(crate) async fn has_table(connection: &mut PgConnection, name: &str) -> Result<bool, sqlx::Error> {
    const SQL: &str = "select count(*) from pg_tables where schemaname = current_schema() and tablename = $1";
    let count: i64 = sqlx::query_scalar(SQL).bind(name).fetch_one(connection).await?;
    Ok(count > 0)
}

/// A lock that nobody else asks for, by which a connection sees whether another one is to the same database: hosts and
/// ports may differ, and be the same server all the same.
#[derive(Debug)]
pub(crate) struct Mark {
    key: i64,
    schema: String,
}

impl Mark {
    /// Takes a lock for as long as the connection lives.
    pub(crate) async fn set(connection: &mut PgConnection) -> Result<Self, sqlx::Error> {
        let key = i64::from_be_bytes(kit::random::bytes());
        try_lock(connection, key).await?;
        Ok(Self { key, schema: schema(connection).await? })
    }

    /// Whether this other connection leads to the same database and schema.
    pub(crate) async fn is_at(&self, connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
        Ok(!try_lock(connection, self.key).await? && schema(connection).await? == self.schema)
    }
}

async fn try_lock(connection: &mut PgConnection, key: i64) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select pg_try_advisory_lock($1)").bind(key).fetch_one(connection).await
}

async fn schema(connection: &mut PgConnection) -> Result<String, sqlx::Error> {
    sqlx::query_scalar("select coalesce(current_schema(), '')").fetch_one(connection).await
}
