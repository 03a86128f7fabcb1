//! Standby: the synchronous standby of a PostgreSQL stops, so that no commit is answered.

use std::path::Path;
use std::time::Duration;

use sqlx::{Connection as _, Executor as _, PgConnection};
use testkit::postgres::PostgresServer;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::open_loop::{
    CALL_DEADLINE, Kind, OpenLoopCall, OpenLoopCallers, by_second, failures, outages, percent, within,
};
use crate::Failure;
use crate::drill::{Broken, DRILL_SETTINGS, Report};
use crate::process::{Process, Setup};

/// Methods that are called in turns: one that reads and one that writes.
const CALLED_KINDS: [Kind; 2] = [Kind::GetMe, Kind::UpdateUser];

/// Number of calls of both methods in a second.
const CALLS_PER_SECOND: u32 = 60;

/// Lengths of the parts of a run: before the stop, during the stop, until all calls must succeed again, and the rest.
const TIME_BEFORE_STOP: Duration = Duration::from_secs(5);
const STOP_TIME: Duration = Duration::from_secs(20);
const RECOVERY_TIME: Duration = Duration::from_secs(2);
const TIME_AFTER_RECOVERY: Duration = Duration::from_secs(8);

/// The maximum number of connections: two pools of eight, the follower of the log, and the query for running processes.
const MAX_BACKENDS: i64 = 18;

/// The least percentage of reads that succeed during the stop.
const MIN_READ_PERCENT: f64 = 99.0;

/// Longest time from the deadline of a call to its answer.
const DEADLINE_SLACK: Duration = Duration::from_millis(100);

/// Interval between two counts of the server's processes, and the time for the standby to start.
const POLL_INTERVAL: Duration = Duration::from_millis(250);
const STANDBY_START_TIMEOUT: Duration = Duration::from_secs(30);

/// Times of the stop.
struct StandbyTimes {
    begin: Instant,
    stopped: Instant,
    resumed: Instant,
}

/// Stops the standby once under load.
///
/// # Errors
/// Fails if a service or a server does not start, or ends.
pub(super) async fn run(program: &Path) -> Result<Report, Failure> {
    let (primary, folder) = (PostgresServer::start().await?, tempfile::tempdir()?);
    let url = primary.create_database().await?;
    let standby = primary.start_standby().await?;
    let mut outside = PgConnection::connect(&primary.url("postgres")).await?;
    timeout(STANDBY_START_TIMEOUT, make_synchronous(&mut outside))
        .await
        .map_err(|_| "the standby is not synchronous")??;
    let auth = Process::start(Setup {
        program: program.to_owned(),
        command: "auth",
        arguments: vec!["--database-url".into(), url],
        environment: DRILL_SETTINGS.map(|(name, value)| (name, value.to_owned())).into(),
        log: folder.path().join("auth.log"),
    })?;
    let (mut callers, mut open) = (OpenLoopCallers::register(&auth).await?, JoinSet::new());
    let begin = Instant::now();
    let stop = async {
        sleep(TIME_BEFORE_STOP).await;
        standby.pause().await?;
        let stopped = Instant::now();
        let most = most_backends(&mut outside, stopped + STOP_TIME).await?;
        standby.resume().await?;
        Ok::<_, Failure>((most, StandbyTimes { begin, stopped, resumed: Instant::now() }))
    };
    let (stopped, ()) = tokio::join!(
        stop,
        callers.call(
            &CALLED_KINDS,
            CALLS_PER_SECOND,
            TIME_BEFORE_STOP + STOP_TIME + RECOVERY_TIME + TIME_AFTER_RECOVERY,
            &mut open
        )
    );
    let (most, times) = stopped?;
    while open.join_next().await.is_some() {}
    Ok(check(&callers.calls(), &times, most))
}

/// Makes commits wait for the standby.
async fn make_synchronous(primary: &mut PgConnection) -> Result<(), sqlx::Error> {
    const IS_SYNCHRONOUS_SQL: &str = "select exists (select 1 from pg_stat_replication where sync_state = 'sync')";
    primary.execute("alter system set synchronous_standby_names = '*'").await?;
    primary.execute("select pg_reload_conf()").await?;
    while !sqlx::query_scalar::<_, bool>(IS_SYNCHRONOUS_SQL).fetch_one(&mut *primary).await? {
        sleep(POLL_INTERVAL).await;
    }
    Ok(())
}

/// Returns the most connections of the service that the server has until this time.
async fn most_backends(primary: &mut PgConnection, end: Instant) -> Result<i64, sqlx::Error> {
    const BACKENDS_SQL: &str = "select count(*) from pg_stat_activity where application_name = 'gatepost'";
    let mut most = 0;
    while Instant::now() < end {
        most = most.max(sqlx::query_scalar(BACKENDS_SQL).fetch_one(&mut *primary).await?);
        sleep(POLL_INTERVAL).await;
    }
    Ok(most)
}

fn check(calls: &[OpenLoopCall], times: &StandbyTimes, most: i64) -> Report {
    let StandbyTimes { begin, stopped, resumed } = *times;
    let of = |kind| within(calls, stopped, resumed).filter(move |call| call.kind == kind);
    let reads = percent(of(Kind::GetMe));
    // A write that began in the last second of the stop may have been answered after the stop.
    let writes: Vec<_> = of(Kind::UpdateUser).filter(|call| call.begun + CALL_DEADLINE < resumed).collect();
    let longest = writes.iter().map(|call| call.ended - call.begun).max().unwrap_or_default();
    let refused =
        writes.iter().filter(|call| !call.is_ok() && call.answer.is_honest() && !call.answer.is_late()).count();
    let end = Instant::now();
    let last = within(calls, resumed, end).filter(|call| !call.is_ok()).last().map(|call| call.begun - resumed);
    let last = last.unwrap_or_default();
    let mut report = Report::default();
    report.row("standby: stop of the synchronous standby", format!("{} s", STOP_TIME.as_secs()));
    report.row("standby: most connections of the service", format!("{most}, of at most {MAX_BACKENDS}"));
    report.row("standby: reads that succeed", format!("{reads:.1} % of {}", of(Kind::GetMe).count()));
    report.row("standby: writes, of these refused by their deadline", format!("{}, {refused}", writes.len()));
    report.row("standby: longest write", format!("{} ms", longest.as_millis()));
    report.row("standby: from the end of the stop to the last failure", format!("{} ms", last.as_millis()));
    report.outages("standby: worst outage of a client, the stop included", &outages(calls, end));
    report.row("standby: calls that succeed, by second", by_second(calls, begin));
    failures(&mut report, calls);
    let promises = [
        (most <= MAX_BACKENDS, "a stopped standby costs no more connections than the pools have", most.to_string()),
        (reads >= MIN_READ_PERCENT, "reads succeed while the standby is stopped", format!("{reads:.1} %")),
        (
            refused == writes.len() && longest <= CALL_DEADLINE + DEADLINE_SLACK,
            "writes are refused by their deadline",
            format!("{refused} of {}, the longest took {} ms", writes.len(), longest.as_millis()),
        ),
        (
            last <= RECOVERY_TIME,
            "all calls succeed from 2 s after the end of a stop",
            format!("{} ms", last.as_millis()),
        ),
    ];
    for (_, promise, seen) in promises.into_iter().filter(|(held, ..)| !held) {
        report.broken.push(Broken::new(promise, seen));
    }
    report
}
