//! A server's database that is copied, or filled: without the limits of calls, and watched for services that use it.

use std::time::Duration;

use db::{Migrations, OpenError, PostgresServer};
use sqlx::PgConnection;
use tokio::time::{Instant, sleep};

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
pub(super) async fn connect(server: &PostgresServer) -> Result<PgConnection, OpenError> {
    server.connect_as(COPIER, &SESSION).await
}

/// Applies the migrations that the database lacks, as a service does.
pub(super) async fn migrate(server: &PostgresServer, migrations: &Migrations) -> Result<(), OpenError> {
    server.migrate_as(COPIER, migrations).await
}

/// How many connections services have to this database, by the name that theirs have.
pub(super) async fn services_at(server: &PostgresServer, connection: &mut PgConnection) -> Result<i64, sqlx::Error> {
    const SQL: &str = "select count(*) from pg_stat_activity \
         where datname = current_database() and pid <> pg_backend_pid() and application_name in ($1, $2)";
    let [usual, own] = server.service_names();
    let give_up = Instant::now() + OVERLAP;
    loop {
        let found = sqlx::query_scalar(SQL).bind(&usual).bind(&own).fetch_one(&mut *connection).await?;
        if found == 0 || Instant::now() >= give_up {
            return Ok(found);
        }
        sleep(LOOK).await;
    }
}

/// Whether the database has a table of this name where ours are.
pub(super) async fn has_table(connection: &mut PgConnection, name: &str) -> Result<bool, sqlx::Error> {
    const SQL: &str = "select count(*) from pg_tables where schemaname = current_schema() and tablename = $1";
    let count: i64 = sqlx::query_scalar(SQL).bind(name).fetch_one(connection).await?;
    Ok(count > 0)
}

/// A lock that nobody else asks for, by which a connection sees whether another one is to the same database: hosts and
/// ports may differ, and be the same server all the same.
#[derive(Debug)]
pub(super) struct Mark {
    key: i64,
    schema: String,
}

impl Mark {
    /// Takes a lock for as long as the connection lives.
    pub(super) async fn set(connection: &mut PgConnection) -> Result<Self, sqlx::Error> {
        let key = i64::from_be_bytes(kit::random::bytes());
        try_lock(connection, key).await?;
        Ok(Self { key, schema: schema(connection).await? })
    }

    /// Whether this other connection leads to the same database and schema.
    pub(super) async fn is_at(&self, connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
        Ok(!try_lock(connection, self.key).await? && schema(connection).await? == self.schema)
    }
}

async fn try_lock(connection: &mut PgConnection, key: i64) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select pg_try_advisory_lock($1)").bind(key).fetch_one(connection).await
}

async fn schema(connection: &mut PgConnection) -> Result<String, sqlx::Error> {
    sqlx::query_scalar("select coalesce(current_schema(), '')").fetch_one(connection).await
}
