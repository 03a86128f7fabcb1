//! Vanish: the replica behind a balancer vanishes without a reset. Meanwhile a guard gets tokens that it has never
//! seen.

use std::path::Path;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::guarded::{GuardedCall, GuardedCalls, GuardedRig, MAX_GUARDED_WAIT, worst_outage};
use crate::Failure;
use crate::drill::{Broken, Random, Report, TimeSpan};

/// The time from one call to the next.
const CALL_INTERVAL: Duration = Duration::from_millis(50);

/// The shortest and the longest time from one vanishing to the next. Without the guard's new connection, an outage would last
/// for 15 s.
const MIN_CALM_MS: u64 = 4_000;
const MAX_CALM_MS: u64 = 6_000;

/// Time after a vanishing; each call that starts later must succeed.
const RECOVERY_TIME: Duration = Duration::from_secs(1);

/// Lets the guard's connections vanish this many times.
///
/// # Errors
/// Fails if a service does not start, or ends.
pub(super) async fn run(program: &Path, rounds: usize, seed: u64) -> Result<Report, Failure> {
    let longest = usize::try_from(MAX_CALM_MS / u64::try_from(CALL_INTERVAL.as_millis())?)?;
    let rig = GuardedRig::start(program, None, (rounds + 1) * longest).await?;
    let calls = GuardedCalls::default();
    let mut callers = rig.cold_caller(CALL_INTERVAL, &calls).await?;
    let (mut random, mut vanishings) = (Random::new(seed), Vec::new());
    sleep(random.millis(MIN_CALM_MS, MAX_CALM_MS)).await;
    for _ in 0..rounds {
        rig.link.vanish();
        let begun = Instant::now();
        sleep(random.millis(MIN_CALM_MS, MAX_CALM_MS)).await;
        vanishings.push(TimeSpan { begun, ended: Instant::now() - MAX_GUARDED_WAIT });
    }
    callers.shutdown().await;
    Ok(check(&calls.take(), &vanishings))
}

/// Returns the figures of the outage after each vanishing.
fn check(calls: &[GuardedCall], vanishings: &[TimeSpan]) -> Report {
    let (mut report, mut back) = (Report::default(), Vec::new());
    for vanishing in vanishings {
        let since = calls.iter().filter(|call| call.failure.is_some() && vanishing.contains(call.begun));
        let took = since.map(|call| call.begun - vanishing.begun).max().unwrap_or_default();
        back.push(took);
        if took > RECOVERY_TIME {
            let seen = format!("{} ms", took.as_millis());
            report.broken.push(Broken::new("requests use another connection within 1 s", seen));
        }
    }
    let failed = calls.iter().filter(|call| call.failure.is_some()).count();
    report.row("vanish: vanishings of the replica", vanishings.len());
    report.row("vanish: cold calls, failed calls", format!("{}, {failed}", calls.len()));
    report.times("vanish: to the last cold call that fails", back);
    report.row("vanish: worst outage of a client", format!("{} ms", worst_outage(calls).as_millis()));
    report
}
