//! Applies migrations, some of them in steps. Calls are served at the same time, so no step locks a table for long.
//!
//! A step's transaction stores the progress of the migration as the comment of the migrator's table. So a start resumes
//! after a kill, and a migration leaves nothing behind. Steps only add, as all migrations do: a process of the previous
//! release works on each intermediate state.

mod parse;
mod progress;

use std::time::Duration;

use sqlx::migrate::{Migrate as _, MigrateError, Migration, Migrator};
use sqlx::{AssertSqlSafe, Error, Executor as _, PgConnection, SqlStr};
use tokio::time::{Instant, sleep};

use self::parse::{MigrationStep, StepForm, steps};
use self::progress::StepProgress;
use crate::error::{is_locked, is_repeatable};
use crate::{Migrations, OpenError, migrations};

/// Longest wait of a statement for a table's lock. Calls that need the table queue behind that wait, and a read waits
/// 300 ms at most.
pub(super) const LOCK_TIMEOUT: &str = "200ms";

/// Longest wait for a lock of an index that is built while calls are served: these waits block no call.
const LONG_LOCK_TIMEOUT: &str = "60s";

/// Pause before the next attempt to get a lock: queued calls go first.
const LOCK_RETRY_INTERVAL: Duration = Duration::from_millis(300);

/// Longest time of all attempts to get a lock.
const LOCK_RETRY_TIMEOUT: Duration = Duration::from_secs(10);

/// Applies the missing migrations. The caller holds a lock against other processes.
pub(super) async fn run(name: &str, connection: &mut PgConnection, known: &Migrations) -> Result<(), OpenError> {
    let migrator = known.postgres;
    migrations::check(name, connection, migrator).await?;
    apply_all(connection, known).await.map_err(|error| migrations::failed(name, &error))
}

async fn apply_all(connection: &mut PgConnection, known: &Migrations) -> Result<(), MigrateError> {
    let migrator = known.postgres;
    if let Some(version) = connection.dirty_version(&migrator.table_name).await? {
        return Err(MigrateError::Dirty(version));
    }
    let applied = connection.list_applied_migrations(&migrator.table_name).await?;
    // A database without tables has no users.
    let is_new = applied.is_empty();
    for migration in migrator.iter() {
        if applied.iter().any(|applied| applied.version == migration.version) {
            continue;
        }
        let in_steps = known.in_steps.iter().find(|in_steps| in_steps.version == migration.version);
        let sql = in_steps.filter(|_| !is_new).map_or(migration.sql.as_str(), |in_steps| in_steps.sql);
        let steps = steps(sql).map_err(|problem| refused(migration, problem))?;
        if steps.is_empty() {
            apply(connection, migrator, migration).await?;
        } else {
            apply_steps(connection, migrator, migration, &steps).await?;
        }
    }
    Ok(())
}

/// Applies one file in one transaction, together with its row.
async fn apply(connection: &mut PgConnection, migrator: &Migrator, migration: &Migration) -> Result<(), MigrateError> {
    let give_up = Instant::now() + LOCK_RETRY_TIMEOUT;
    loop {
        match connection.apply(&migrator.table_name, migration).await {
            Err(MigrateError::ExecuteMigration(error, _)) if may_pass(&error) && Instant::now() < give_up => {
                sleep(LOCK_RETRY_INTERVAL).await;
            }
            applied => return applied.map(drop),
        }
    }
}

/// Applies the remaining steps, then writes the migration's row.
async fn apply_steps(
    connection: &mut PgConnection,
    migrator: &Migrator,
    migration: &Migration,
    steps: &[MigrationStep<'_>],
) -> Result<(), MigrateError> {
    let failed = |error| MigrateError::ExecuteMigration(error, migration.version);
    let mut progress = StepProgress::read(connection, &migrator.table_name, migration.version).await.map_err(failed)?;
    while let Some(step) = steps.get(progress.steps) {
        match step.form {
            StepForm::Once => once(connection, step.sql, &mut progress).await,
            StepForm::Batches => batch(connection, step.sql, &mut progress).await,
            StepForm::Concurrently { index } => concurrently(connection, step.sql, index, &mut progress).await,
        }
        .map_err(failed)?;
    }
    let sql = SqlSafe::from(progress.removal());
    apply(connection, migrator, &Migration { sql: sql.0, ..migration.clone() }).await
}

/// Runs a step in one transaction.
async fn once(connection: &mut PgConnection, sql: &str, progress: &mut StepProgress) -> Result<(), Error> {
    let next = progress.after_step();
    let script = format!("begin;\n{sql}\n;\n{};\ncommit", next.statement());
    run_with_retries(connection, &script).await?;
    *progress = next;
    Ok(())
}

/// Runs one batch of a step in one transaction. The step has ended when its statement returns no key.
async fn batch(connection: &mut PgConnection, sql: &str, progress: &mut StepProgress) -> Result<(), Error> {
    let give_up = Instant::now() + LOCK_RETRY_TIMEOUT;
    loop {
        match batch_once(connection, sql, progress).await {
            Ok(next) => {
                *progress = next;
                return Ok(());
            }
            Err(error) => {
                connection.execute("rollback").await?;
                if !may_pass(&error) || Instant::now() >= give_up {
                    return Err(error);
                }
                sleep(LOCK_RETRY_INTERVAL).await;
            }
        }
    }
}

async fn batch_once(connection: &mut PgConnection, sql: &str, progress: &StepProgress) -> Result<StepProgress, Error> {
    // A crash loses a step together with its progress; the last transaction waits for the disk.
    connection.execute("begin; set local synchronous_commit = off").await?;
    let statement = sqlx::query_as(AssertSqlSafe(sql.to_owned())).bind(&progress.key);
    let last: Option<(Option<String>,)> = statement.fetch_optional(&mut *connection).await?;
    let last = last.and_then(|(key,)| key);
    let next = last.map_or_else(|| progress.after_step(), |key| progress.after_key(key));
    connection.execute(AssertSqlSafe(format!("{}; commit", next.statement()))).await?;
    Ok(next)
}

/// Creates an index without a lock that would block calls. The statement runs outside of transactions, so a kill leaves
/// an invalid index. The next attempt removes that index first.
async fn concurrently(
    connection: &mut PgConnection,
    sql: &str,
    index: &str,
    progress: &mut StepProgress,
) -> Result<(), Error> {
    const IS_BROKEN: &str =
        "select exists (select 1 from pg_index where indexrelid = to_regclass($1) and not indisvalid)";
    set_lock_timeout(connection, LONG_LOCK_TIMEOUT).await?;
    let is_broken: bool = sqlx::query_scalar(IS_BROKEN).bind(index).fetch_one(&mut *connection).await?;
    if is_broken {
        connection.execute(AssertSqlSafe(format!("drop index concurrently if exists {index}"))).await?;
    }
    connection.execute(AssertSqlSafe(sql.to_owned())).await?;
    set_lock_timeout(connection, LOCK_TIMEOUT).await?;
    let next = progress.after_step();
    connection.execute(AssertSqlSafe(next.statement())).await?;
    *progress = next;
    Ok(())
}

async fn set_lock_timeout(connection: &mut PgConnection, timeout: &str) -> Result<(), Error> {
    connection.execute(AssertSqlSafe(format!("set lock_timeout = '{timeout}'"))).await.map(drop)
}

/// Runs a script of one transaction, and repeats it while a lock is taken.
async fn run_with_retries(connection: &mut PgConnection, script: &str) -> Result<(), Error> {
    let give_up = Instant::now() + LOCK_RETRY_TIMEOUT;
    loop {
        let Err(error) = connection.execute(sqlx::raw_sql(AssertSqlSafe(script.to_owned()))).await else {
            return Ok(());
        };
        connection.execute("rollback").await?;
        if !may_pass(&error) || Instant::now() >= give_up {
            return Err(error);
        }
        sleep(LOCK_RETRY_INTERVAL).await;
    }
}

/// Returns true if another transaction was in the way.
fn may_pass(error: &Error) -> bool {
    is_locked(error) || is_repeatable(error)
}

fn refused(migration: &Migration, problem: String) -> MigrateError {
    MigrateError::ExecuteMigration(Error::Configuration(problem.into()), migration.version)
}

/// SQL text from this program.
struct SqlSafe(SqlStr);

impl From<String> for SqlSafe {
    fn from(text: String) -> Self {
        use sqlx::SqlSafeStr as _;
        Self(AssertSqlSafe(text).into_sql_str())
    }
}
