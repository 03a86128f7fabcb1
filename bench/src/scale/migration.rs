//! A start that migrates many rows from the first version of the tables, and reads of the earlier release meanwhile.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::ScaleSettings;
use super::databases::ScaleHost;
use super::report::GoalFigure;
use crate::Failure;
use crate::drill::Random;
use crate::fill::{self, FilledDatabase, SqlDialect};
use crate::load::LoadSample;

/// Longest wait of a reader, in milliseconds: the services give up a read after it.
const MAX_READER_WAIT_MS: f64 = 300.0;

/// Measures the start, and the longest wait of a reader.
pub(super) async fn measure(
    host: &ScaleHost,
    program: &Path,
    folder: &Path,
    settings: &ScaleSettings,
) -> Result<Vec<GoalFigure>, Failure> {
    let databases = host.databases(folder).await?;
    let dialect = databases.auth.dialect();
    let migrations = match dialect {
        SqlDialect::Sqlite => "../auth-service/migrations/sqlite",
        SqlDialect::Postgres => "../auth-service/migrations/postgres",
    };
    databases.auth.migrate(&Path::new(env!("CARGO_MANIFEST_DIR")).join(migrations), 1).await?;
    databases.auth.run(&fill::old_sessions(dialect, settings.migrated)).await?;
    databases.auth.settle().await?;
    let is_over = Arc::new(AtomicBool::new(false));
    let reads = read(databases.auth.clone(), settings.migrated, settings.seed, Arc::clone(&is_over));
    let reads = tokio::spawn(reads);
    let services = databases.start(program, |command| command).await?;
    is_over.store(true, Ordering::SeqCst);
    let LoadSample { micros, .. } = reads.await??;
    if micros.is_empty() {
        return Err("no reader has read during the migration".into());
    }
    let (start, worst) = (services.start, micros.max());
    services.stop()?;
    databases.remove()?;
    let name = |what: &str| format!("{} sessions migrated: {what}", settings.migrated);
    #[expect(clippy::cast_precision_loss, reason = "a wait is below a minute")]
    let worst = worst as f64 / 1e3;
    Ok(vec![
        GoalFigure::new(name("the start"), start.as_secs_f64(), "s"),
        GoalFigure::new(name("longest read beside it"), worst, "ms").at_most(MAX_READER_WAIT_MS),
    ])
}

/// Reads random sessions, as the earlier release does, until the migration is over.
async fn read(
    database: FilledDatabase,
    count: u64,
    seed: u64,
    is_over: Arc<AtomicBool>,
) -> Result<LoadSample, Failure> {
    let (mut reader, mut random, mut sample) = (database.reader().await?, Random::new(seed), LoadSample::new()?);
    while !is_over.load(Ordering::SeqCst) {
        let id = database.dialect().id(&(random.number() % count + 1).to_string());
        let query = format!("select cast(generation as text) from sessions where id = {id}");
        let asked = Instant::now();
        reader.text(&query).await?;
        sample.record(Ok(()), asked.elapsed());
    }
    reader.close().await?;
    Ok(sample)
}
