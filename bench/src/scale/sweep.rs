//! A sweep of many ended sessions, and calls meanwhile.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::databases::{ADMIN_EMAIL, ScaleHost, USER_PASSWORD};
use super::report::GoalFigure;
use super::sized::{RowKeys, admin_token, patiently};
use super::{ScaleSettings, call};
use crate::Failure;
use crate::fill::{self, FilledDatabase};
use crate::load::{Account, LoadCall, LoadSample, always, closed_loop};

/// Users of the ended sessions.
const SWEEP_USER_COUNT: u64 = 1_000;

/// Callers that read, and callers that write.
const SWEEP_CALLER_COUNT: usize = 2;

/// Time between two checks for remaining sessions.
const SWEEP_POLL_INTERVAL: Duration = Duration::from_millis(50);

/// Longest time of a sweep.
const SWEEP_TIMEOUT: Duration = Duration::from_mins(30);

/// Measures the sweep, which begins with the start of the service.
pub(super) async fn measure(
    host: &ScaleHost,
    program: &Path,
    folder: &Path,
    settings: &ScaleSettings,
) -> Result<Vec<GoalFigure>, Failure> {
    let databases = host.databases(folder).await?;
    databases.create(program).await?;
    let dialect = databases.auth.dialect();
    let mut statements = fill::users(dialect, SWEEP_USER_COUNT, ADMIN_EMAIL);
    statements.push(fill::over_sessions(dialect, settings.swept, SWEEP_USER_COUNT));
    databases.auth.run(&statements).await?;
    databases.auth.settle().await?;
    let services = databases.start(program, |command| command).await?;
    let begun = Instant::now();
    let admin = patiently(async || admin_token(&services.auth).await).await?;
    let keys = Arc::new(RowKeys::new(SWEEP_USER_COUNT, settings.seed));
    let is_over = Arc::new(AtomicBool::new(false));
    let reads = until(&is_over, call::get_user(&services.auth, &admin, keys));
    let auth = std::slice::from_ref(&services.auth);
    let mut writes = Vec::new();
    let log_in = async || Account::log_in(auth, ADMIN_EMAIL, USER_PASSWORD, SWEEP_CALLER_COUNT).await;
    for account in patiently(log_in).await? {
        writes.push(until(&is_over, always(account.refreshes())));
    }
    let reads = [reads];
    let (reads, writes, took) = tokio::join!(
        closed_loop(SWEEP_CALLER_COUNT, Duration::MAX, &reads),
        closed_loop(SWEEP_CALLER_COUNT, Duration::MAX, &writes),
        wait_for_end(&databases.auth, begun, &is_over)
    );
    let took = took?;
    services.stop()?;
    databases.remove()?;
    let name = |what: &str| format!("sweep of {} ended sessions: {what}", settings.swept);
    Ok(vec![
        GoalFigure::new(name("its time"), took.as_secs_f64(), "s"),
        longest(name("longest GetUser"), reads?)?,
        longest(name("longest RefreshToken"), writes?)?,
    ])
}

/// Returns the call, which runs out once `is_over` is set.
fn until(
    is_over: &Arc<AtomicBool>,
    call: LoadCall,
) -> impl Fn() -> Option<crate::load::CallFuture<()>> + Clone + use<> {
    let is_over = Arc::clone(is_over);
    move || if is_over.load(Ordering::SeqCst) { None } else { call() }
}

/// Waits until no ended session is left, and sets `is_over`.
async fn wait_for_end(database: &FilledDatabase, begun: Instant, is_over: &AtomicBool) -> Result<Duration, Failure> {
    let ended = async {
        let now = database.dialect().from_now(0);
        let query = format!(
            "select case when exists (select 1 from sessions where over_time <= {now}) then 'some' else 'none' end"
        );
        let mut reader = database.reader().await?;
        while reader.text(&query).await? != "none" {
            if begun.elapsed() > SWEEP_TIMEOUT {
                return Err("the sweep has not ended within 30 minutes".into());
            }
            sleep(SWEEP_POLL_INTERVAL).await;
        }
        reader.close().await?;
        Ok(begun.elapsed())
    };
    let ended = ended.await;
    is_over.store(true, Ordering::SeqCst);
    ended
}

/// Returns the longest call. A failed call ends the run.
#[expect(clippy::cast_precision_loss, reason = "a wait is below a minute")]
fn longest(name: String, sample: LoadSample) -> Result<GoalFigure, Failure> {
    match sample.first_failure {
        Some(status) => Err(format!("{name}: {} calls failed: {status}", sample.failed).into()),
        None => Ok(GoalFigure::new(name, sample.micros.max() as f64 / 1e3, "ms")),
    }
}
