//! PostgreSQL databases of a copy: connections without the limits of calls, and a check for running services.

use std::time::Duration;

use db::{Migrations, OpenError, PostgresUrl, SessionSetting};
use sqlx::PgConnection;
use tokio::time::{Instant, sleep};

/// Application name of a copy's connections, which distinguishes them from those of a service.
const APPLICATION_NAME: &str = "gatepost copy";

/// Settings of a copy's session.
///
/// Statements and idle transactions may take long, because one side waits for the other. A killed or disconnected copy is
/// rolled back soon. `tcp_user_timeout` is not set, because it ends a connection with a slow reader.
const SESSION_SETTINGS: [SessionSetting; 8] = [
    SessionSetting::new("statement_timeout", "0"),
    SessionSetting::new("idle_in_transaction_session_timeout", "0"),
    SessionSetting::new("lock_timeout", "10s"),
    SessionSetting::new("client_connection_check_interval", "500ms"),
    SessionSetting::new("tcp_keepalives_idle", "30"),
    SessionSetting::new("tcp_keepalives_interval", "10"),
    SessionSetting::new("tcp_keepalives_count", "3"),
    SessionSetting::new("client_min_messages", "warning"),
];

/// Time limit of the wait for the connections of a service that has just ended.
const SERVICE_END_TIMEOUT: Duration = Duration::from_secs(2);

/// Pause between two checks during that wait.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Connects for a copy; waits for a server that starts.
pub(super) async fn connect(server: &PostgresUrl) -> Result<PgConnection, OpenError> {
    server.connect_as(APPLICATION_NAME, &SESSION_SETTINGS).await
}

/// Applies the migrations that the database lacks, as a service does.
pub(super) async fn migrate(server: &PostgresUrl, migrations: &Migrations) -> Result<(), OpenError> {
    server.migrate_as(APPLICATION_NAME, migrations).await
}

/// Returns the number of connections of services to this database, by their application names.
pub(super) async fn services_at(server: &PostgresUrl, connection: &mut PgConnection) -> Result<i64, sqlx::Error> {
    const SQL: &str = "select count(*) from pg_stat_activity \
         where datname = current_database() and pid <> pg_backend_pid() and application_name in ($1, $2)";
    let [usual, own] = server.service_names();
    let give_up = Instant::now() + SERVICE_END_TIMEOUT;
    loop {
        let found = sqlx::query_scalar(SQL).bind(&usual).bind(&own).fetch_one(&mut *connection).await?;
        if found == 0 || Instant::now() >= give_up {
            return Ok(found);
        }
        sleep(POLL_INTERVAL).await;
    }
}

/// Returns true if the current schema has a table of this name.
pub(super) async fn has_table(connection: &mut PgConnection, name: &str) -> Result<bool, sqlx::Error> {
    const SQL: &str = "select count(*) from pg_tables where schemaname = current_schema() and tablename = $1";
    let count: i64 = sqlx::query_scalar(SQL).bind(name).fetch_one(connection).await?;
    Ok(count > 0)
}

/// A random advisory lock. It shows that two connections lead to the same database. Host and port may differ for the
/// same server.
#[derive(Debug)]
pub(super) struct DatabaseLock {
    key: i64,
    schema: String,
}

impl DatabaseLock {
    /// Takes the lock for the life of the connection.
    pub(super) async fn take(connection: &mut PgConnection) -> Result<Self, sqlx::Error> {
        let key = i64::from_be_bytes(kit::random::bytes());
        try_lock(connection, key).await?;
        Ok(Self { key, schema: schema(connection).await? })
    }

    /// Returns true if this other connection leads to the same database and schema.
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
