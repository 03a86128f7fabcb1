//! Vanish: the replica behind a balancer vanishes without a reset, while a guard gets tokens that it has never seen.

use std::path::Path;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::guarded::{Call, Calls, GUARDED, Rig, worst_outage};
use crate::Failure;
use crate::drill::{Broken, Random, Report};

/// The time from one call to the next.
const BEAT: Duration = Duration::from_millis(50);

/// The time from one vanishing to the next, in milliseconds. Without the guard's new connection, an outage would last
/// for 15 s.
const CALM: (u64, u64) = (4_000, 6_000);

/// Time after a vanishing; each call that starts later must succeed.
const BACK: Duration = Duration::from_secs(1);

/// Lets the guard's connections vanish this many times.
///
/// # Errors
/// Fails if a service does not start, or ends.
pub(super) async fn run(program: &Path, rounds: usize, seed: u64) -> Result<Report, Failure> {
    let longest = usize::try_from(CALM.1 / u64::try_from(BEAT.as_millis())?)?;
    let rig = Rig::start(program, None, (rounds + 1) * longest).await?;
    let calls = Calls::default();
    let mut callers = rig.cold_caller(BEAT, &calls).await?;
    let (mut random, mut vanishings) = (Random::new(seed), Vec::new());
    sleep(random.millis(CALM.0, CALM.1)).await;
    for _ in 0..rounds {
        rig.way.vanish();
        let begun = Instant::now();
        sleep(random.millis(CALM.0, CALM.1)).await;
        vanishings.push((begun, Instant::now() - GUARDED));
    }
    callers.shutdown().await;
    Ok(judge(&calls.take(), &vanishings))
}

/// Returns the figures of the outage after each vanishing.
fn judge(calls: &[Call], vanishings: &[(Instant, Instant)]) -> Report {
    let (mut report, mut back) = (Report::default(), Vec::new());
    for (begun, until) in vanishings {
        let since = calls.iter().filter(|call| call.failure.is_some() && call.begun > *begun && call.begun < *until);
        let took = since.map(|call| call.begun - *begun).max().unwrap_or_default();
        back.push(took);
        if took > BACK {
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
