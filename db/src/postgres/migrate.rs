//! Migrates a server's database, one process at a time.
//!
//! The driver's own lock waits inside a statement. The snapshot of that statement deadlocks with `create index
//! concurrently` of the process that holds the lock. So this lock is polled.

use std::io::ErrorKind;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use sqlx::migrate::Migrator;
use sqlx::{Connection as _, Executor as _, PgConnection};
use tokio::time::{Instant, sleep};

use super::limit::limited;
use super::pooler::shares_sessions;
use super::server_facts::ServerFacts;
use super::session::SessionOptions;
use super::steps;
use super::time_limits::TimeLimits;
use crate::error::is_broken;
use crate::{Migrations, OpenError, SessionSetting, migrations};

/// Pause between two attempts.
const RETRY_INTERVAL: Duration = Duration::from_millis(100);

/// Time limit for one attempt or one query: a network that drops all packets reports no error.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);

/// Number of measured round trips.
const ROUND_TRIP_SAMPLES: u32 = 3;
/// Number of further round trips if all were too long: a machine that starts many programs at once is slow for a
/// moment.
const EXTRA_ROUND_TRIP_SAMPLES: u32 = 20;

/// Longest measured round trip that is accepted as 100 ms. The clock and the machine add to each measurement.
const MAX_MEASURED_ROUND_TRIP: Duration = Duration::from_millis(110);

/// Settings of the migrating session. A migration may take long, but a killed process must not keep the lock. So the
/// server checks that its client still exists.
const MIGRATOR_SETTINGS: [SessionSetting; 4] = [
    SessionSetting::new("client_connection_check_interval", "500ms"),
    SessionSetting::new("tcp_user_timeout", "2s"),
    SessionSetting::new("lock_timeout", steps::LOCK_TIMEOUT),
    // Suppresses the notice at each start that the table of migrations exists.
    SessionSetting::new("client_min_messages", "warning"),
];

/// A connection to a suitable server, and the time limits for its distance.
pub(super) struct Reached {
    pub(super) connection: PgConnection,
    pub(super) times: TimeLimits,
}

/// Waits for the server and for the lock, each for at most `max_wait`, and applies the missing migrations. Returns the
/// time limits for the server's distance.
pub(super) async fn migrate(
    name: &str,
    session: &SessionOptions,
    migrations: &Migrations,
    max_wait: Duration,
) -> Result<TimeLimits, OpenError> {
    let Reached { mut connection, times } =
        reach(name, &session.clone().with_settings(MIGRATOR_SETTINGS), max_wait).await?;
    let key = lock(name, &mut connection, migrations.postgres, max_wait).await?;
    steps::run(name, &mut connection, migrations).await?;
    // The lock belongs to the session, which a pooler may keep for others.
    let unlock = sqlx::query("select pg_advisory_unlock($1)").bind(key);
    answer_or_away(name, unlock.execute(&mut connection)).await?;
    answer_or_away(name, connection.close()).await?;
    Ok(times)
}

/// Refuses a database with other migrations than these. Returns the time limits for the server's distance.
pub(super) async fn check(
    name: &str,
    session: &SessionOptions,
    migrations: &Migrator,
) -> Result<TimeLimits, OpenError> {
    let Reached { mut connection, times } = reach(name, session, ATTEMPT_TIMEOUT).await?;
    if !answer_or_away(name, has_table(&mut connection, &migrations.table_name)).await? {
        let first = migrations.iter().next().map_or(0, |first| first.version);
        return Err(OpenError::Older(name.to_owned(), first));
    }
    migrations::check_complete(name, &mut connection, migrations).await?;
    answer_or_away(name, connection.close()).await?;
    Ok(times)
}

/// Connects, waits while the server starts, and refuses an unsuitable server.
pub(super) async fn reach(name: &str, session: &SessionOptions, max_wait: Duration) -> Result<Reached, OpenError> {
    let (mut connection, facts) = wait_for(name, session, max_wait).await?;
    facts.check(name)?;
    // The check comes before any setting: a setting would stay in a shared session.
    if answer_or_away(name, shares_sessions(session, &mut connection)).await? {
        return Err(OpenError::SharedSessions(name.to_owned()));
    }
    let round_trip = answer_or_away(name, measure(&mut connection)).await?;
    if round_trip > MAX_MEASURED_ROUND_TRIP {
        return Err(OpenError::Far(name.to_owned(), round_trip.as_millis()));
    }
    answer_or_away(name, session.set(&mut connection)).await?;
    Ok(Reached { connection, times: TimeLimits::at_distance(round_trip) })
}

/// Waits until the server answers a query: a connection alone may be the pooler's.
async fn wait_for(
    name: &str,
    session: &SessionOptions,
    max_wait: Duration,
) -> Result<(PgConnection, ServerFacts), OpenError> {
    let give_up = Instant::now() + max_wait;
    let mut is_logged = false;
    loop {
        let left = give_up.saturating_duration_since(Instant::now());
        let connected = async {
            let mut connection = session.connect_bare().await?;
            let facts = ServerFacts::ask(&mut connection).await?;
            Ok::<_, sqlx::Error>((connection, facts))
        };
        let error = match limited(ATTEMPT_TIMEOUT.min(left), connected).await {
            Ok(connected) => return Ok(connected),
            Err(error) => error,
        };
        if !is_broken(&error) || is_distrust(&error) || Instant::now() >= give_up {
            return Err(OpenError::Away(name.to_owned(), error.to_string()));
        }
        if !is_logged {
            tracing::warn!(%error, "{name} does not answer yet: waiting for half a minute");
            is_logged = true;
        }
        sleep(RETRY_INTERVAL).await;
    }
}

/// Returns the shortest of several round trips.
async fn measure(connection: &mut PgConnection) -> Result<Duration, sqlx::Error> {
    let mut shortest = Duration::MAX;
    for sample in 0..ROUND_TRIP_SAMPLES + EXTRA_ROUND_TRIP_SAMPLES {
        if sample >= ROUND_TRIP_SAMPLES && shortest <= MAX_MEASURED_ROUND_TRIP {
            break;
        }
        let asked = Instant::now();
        connection.execute(sqlx::raw_sql("select 1")).await?;
        shortest = shortest.min(asked.elapsed());
    }
    Ok(shortest)
}

/// Returns true if the server has no trusted certificate, which is a permanent fault.
fn is_distrust(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Tls(_) => true,
        // The TLS library reports a bad certificate in this way.
        sqlx::Error::Io(cause) => cause.kind() == ErrorKind::InvalidData,
        _ => false,
    }
}

/// Returns true if the current schema has a table of this name.
async fn has_table(connection: &mut PgConnection, name: &str) -> Result<bool, sqlx::Error> {
    const SQL: &str = "select count(*) from pg_tables where schemaname = current_schema() and tablename = $1";
    let count: i64 = sqlx::query_scalar(SQL).bind(name).fetch_one(connection).await?;
    Ok(count > 0)
}

/// Takes the lock of this database and schema, until the connection ends. Returns the lock's key. Waits up to
/// `max_wait` for another process, and longer while that process makes progress in its steps.
async fn lock(
    name: &str,
    connection: &mut PgConnection,
    migrator: &Migrator,
    max_wait: Duration,
) -> Result<i64, OpenError> {
    const SCHEMA: &str = "select coalesce(current_schema(), '')";
    const SQL: &str = "select pg_try_advisory_lock($1), obj_description(to_regclass($2), 'pg_class')";
    let schema: String = answer_or_away(name, sqlx::query_scalar(SCHEMA).fetch_one(&mut *connection)).await?;
    let digest = Sha256::new().chain_update(b"gatepost migrations\0").chain_update(schema).finalize();
    let mut key = [0; 8];
    key.copy_from_slice(&digest[..8]);
    let key = i64::from_be_bytes(key);
    let (mut give_up, mut seen, mut is_logged) = (Instant::now() + max_wait, None, false);
    loop {
        let question = sqlx::query_as(SQL).bind(key).bind(&*migrator.table_name).fetch_one(&mut *connection);
        let (is_ours, note): (bool, Option<String>) = answer_or_away(name, question).await?;
        if is_ours {
            return Ok(key);
        }
        if note != seen {
            (give_up, seen) = (Instant::now() + max_wait, note);
        }
        if Instant::now() >= give_up {
            return Err(OpenError::Migrating(name.to_owned()));
        }
        if !is_logged {
            tracing::warn!(
                "{name} is being migrated by another process: waiting for half a minute, or while it makes progress"
            );
            is_logged = true;
        }
        sleep(RETRY_INTERVAL).await;
    }
}

/// Returns the server's answer, or the error of an unreachable server.
async fn answer_or_away<T>(name: &str, question: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, OpenError> {
    limited(ATTEMPT_TIMEOUT, question).await.map_err(|error| OpenError::Away(name.to_owned(), error.to_string()))
}

#[cfg(test)]
mod tests {
    use std::str::FromStr as _;

    use sqlx::postgres::PgConnectOptions;
    use testkit::proxy::Proxy;

    use super::*;

    /// Time limit for one attempt, far below half a minute.
    const SHORT_TIMEOUT: Duration = Duration::from_millis(300);

    static NONE: Migrations = Migrations { sqlite: &Migrator::DEFAULT, postgres: &Migrator::DEFAULT, in_steps: &[] };

    fn session(url: &str) -> SessionOptions {
        PgConnectOptions::from_str(url).unwrap().into()
    }

    #[tokio::test]
    async fn lasting_migration_lock_is_an_error() {
        let Some(database) = testkit::postgres::database().await else { return };
        let mut holder = database.connect().await;
        lock("it", &mut holder, &Migrator::DEFAULT, SHORT_TIMEOUT).await.unwrap();
        let refused = migrate("it", &session(&database.url), &NONE, SHORT_TIMEOUT).await.unwrap_err();
        assert!(matches!(refused, OpenError::Migrating(_)), "{refused:?}");
        holder.close().await.unwrap();
        migrate("it", &session(&database.url), &NONE, SHORT_TIMEOUT).await.unwrap();
    }

    #[tokio::test]
    async fn schemas_of_one_database_have_own_locks() {
        let Some(database) = testkit::postgres::database().await else { return };
        database.run("create schema other").await;
        let mut holder = database.connect().await;
        lock("it", &mut holder, &Migrator::DEFAULT, SHORT_TIMEOUT).await.unwrap();
        let other = session(&database.url).with_settings([SessionSetting::new("search_path", "other")]);
        migrate("it", &other, &NONE, SHORT_TIMEOUT).await.unwrap();
    }

    #[tokio::test]
    async fn absent_server_is_given_up() {
        let silent = Proxy::to_address(([127, 0, 0, 1], 1).into());
        silent.black_hole();
        let refusing = Proxy::to_address(([127, 0, 0, 1], 1).into());
        refusing.cut();
        for proxy in [silent, refusing] {
            let session = session(&format!("postgres://ada@{}/d?sslmode=disable", proxy.address()));
            let refused = reach("it", &session, SHORT_TIMEOUT).await.map(drop).unwrap_err();
            assert!(matches!(refused, OpenError::Away(..)), "{refused:?}");
        }
    }
}
