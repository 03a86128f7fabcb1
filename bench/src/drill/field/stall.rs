//! Stall: the auth service is paused repeatedly, while a guard gets calls with many tokens.

use std::path::Path;
use std::time::Duration;

use testkit::postgres::PostgresServer;
use tokio::time::{Instant, sleep};

use super::guarded::{GuardedCall, GuardedCalls, GuardedRig, MAX_GUARDED_WAIT, worst_outage};
use crate::Failure;
use crate::drill::{Broken, Random, Report};

/// Number of tokens. Each token has its own caller.
const TOKEN_COUNT: usize = 200;
const CALLERS_PER_CONNECTION: usize = 25;
/// Time between two calls of a caller.
const CALL_INTERVAL: Duration = Duration::from_secs(1);

/// The shortest and the longest pause, and the shortest and the longest time between two pauses.
const MIN_PAUSE_MS: u64 = 600;
const MAX_PAUSE_MS: u64 = 5_000;
const MIN_CALM_MS: u64 = 1_500;
const MAX_CALM_MS: u64 = 2_500;

/// Time to recover after a pause. Each call that starts later must succeed.
const RECOVERY_TIME: Duration = Duration::from_millis(500);

/// A past pause. Calls that start between `ended` and `until` show how long the recovery took.
struct Pause {
    length: Duration,
    ended: Instant,
    until: Instant,
}

/// Pauses an auth service on each engine this many times under load.
///
/// # Errors
/// Fails if a service does not start, or ends.
pub(super) async fn run(program: &Path, rounds: usize, seed: u64) -> Result<Report, Failure> {
    let server = PostgresServer::start().await?;
    let database = server.create_database().await?;
    let mut report = Report::default();
    for (engine, database) in [("SQLite", None), ("PostgreSQL", Some(database))] {
        let Report { lines, broken } = pause(program, engine, database, rounds, seed).await?;
        report.lines.extend(lines);
        report.broken.extend(broken);
    }
    Ok(report)
}

async fn pause(
    program: &Path,
    engine: &str,
    database: Option<String>,
    rounds: usize,
    seed: u64,
) -> Result<Report, Failure> {
    let rig = GuardedRig::start(program, database, TOKEN_COUNT).await?;
    let calls = GuardedCalls::default();
    let mut callers = rig.warm_callers(CALLERS_PER_CONNECTION, CALL_INTERVAL, &calls).await?;
    let (mut random, mut pauses) = (Random::new(seed), Vec::new());
    sleep(random.millis(MIN_CALM_MS, MAX_CALM_MS)).await;
    for _ in 0..rounds {
        let length = random.millis(MIN_PAUSE_MS, MAX_PAUSE_MS);
        rig.auth.pause().await?;
        sleep(length).await;
        rig.auth.resume()?;
        let ended = Instant::now();
        sleep(random.millis(MIN_CALM_MS, MAX_CALM_MS)).await;
        pauses.push(Pause { length, ended, until: Instant::now() - MAX_GUARDED_WAIT });
    }
    callers.shutdown().await;
    Ok(check(engine, &calls.take(), &pauses))
}

/// Reports the time from the end of each pause to the last failed call.
fn check(engine: &str, calls: &[GuardedCall], pauses: &[Pause]) -> Report {
    let (mut report, mut recovery_times) = (Report::default(), Vec::new());
    for Pause { length, ended, until } in pauses {
        let after = calls.iter().filter(|call| call.failure.is_some() && call.begun > *ended && call.begun < *until);
        let Some(last) = after.max_by_key(|call| call.begun) else {
            recovery_times.push(Duration::ZERO);
            continue;
        };
        let took = last.begun - *ended;
        recovery_times.push(took);
        if took > RECOVERY_TIME {
            let failure = last.failure.as_deref().unwrap_or_default();
            let seen =
                format!("{engine}, {} ms after a pause of {} ms: {failure}", took.as_millis(), length.as_millis());
            report.broken.push(Broken::new("from 0.5 s after a pause of the auth service, each call succeeds", seen));
        }
    }
    let failed = calls.iter().filter(|call| call.failure.is_some()).count();
    report.row(&format!("stall: pauses of an auth service on {engine}"), pauses.len());
    report.row("stall: calls, failed calls", format!("{}, {failed}", calls.len()));
    report.times("stall: end of a pause to the last call that fails", recovery_times);
    report.row("stall: worst outage of a client", format!("{} ms", worst_outage(calls).as_millis()));
    report
}
