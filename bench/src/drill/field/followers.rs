//! Followers: a thousand guards follow one auth service while it revokes fifty times a second.
//!
//! The drill revokes at a fixed rate, without waiting for answers, and counts the refused revocations.

use std::path::Path;
use std::time::Duration;

use crate::Failure;
use crate::drill::{ADMIN_EMAIL, Broken, DRILL_PASSWORD, DRILL_SETTINGS, Report};
use crate::followers::{FOLLOWED_SETTINGS, FollowerFigures, RevocationTimes, Revoker};
use crate::services::Services;

/// Number of guards. They run on the same machine as the service, so a debug build can have only fewer.
pub(super) const GUARD_COUNT: usize = if cfg!(debug_assertions) { 200 } else { 1_000 };

/// Limits of two medians, in ms: the time until a guard receives a revocation, and the time of a logout.
const MAX_MEDIAN_LAG_MS: u64 = 500;
const MAX_MEDIAN_LOGOUT_MS: u64 = 25;

/// The largest share of the revocations that may be refused.
const MAX_REFUSED_SHARE: f64 = 0.01;

/// The smallest share of the revocations that the guards receive before the end of the run.
const MIN_RECEIVED_SHARE: f64 = 0.95;

/// Runs the scenario against a pair of its own: first without followers, then with this many.
///
/// # Errors
/// Fails if the pair does not start, or a follower is not served.
pub(super) async fn run(program: &Path, followers: usize, length: Duration) -> Result<Report, Failure> {
    let folder = tempfile::tempdir()?;
    let pair = Services::pair(program, folder.path(), |command| command.envs(DRILL_SETTINGS).envs(FOLLOWED_SETTINGS));
    let pair = pair.await?;
    let revoker = Revoker::log_in(&pair.auth, ADMIN_EMAIL, DRILL_PASSWORD).await?;
    let alone = revoker.revoke(length / 4).await?;
    let figures = FollowerFigures::measure(&pair, &revoker, followers, length).await?;
    pair.stop()?;
    Ok(report(&alone, &figures))
}

/// Returns the lines and the broken promises of a run; `alone` are revocations without followers.
fn report(alone: &RevocationTimes, figures: &FollowerFigures) -> Report {
    let FollowerFigures { followers, ended, delays, share, revocations: beside } = figures;
    let [p50, p99] = [0.5, 0.99].map(|part| delays.value_at_quantile(part));
    let made = beside.took.len();
    let mut report = Report::default();
    report.lines.push(format!(
            "followers: {followers}, {ended} ended; revocations: {made} made, {} refused {:?}; {} received; lag p50 {p50} ms, p99 \
             {p99} ms; processor {:.0} %",
            beside.refused(),
            beside.refusals,
            delays.len(),
            share * 100.0
        ));
    report.lines.push(format!(
        "a revocation takes p50 {} ms, p99 {} ms; without followers p50 {} ms, p99 {} ms",
        beside.millis(0.5),
        beside.millis(0.99),
        alone.millis(0.5),
        alone.millis(0.99)
    ));
    let mut miss = |promise, seen: String| report.broken.push(Broken::new(promise, seen));
    if *ended > 0 {
        miss("no follower loses its stream", format!("{ended} of {followers}"));
    }
    if figures.share_received() < MIN_RECEIVED_SHARE {
        let seen = format!("{:.1} %", figures.share_received() * 100.0);
        miss("each follower receives each revocation", seen);
    }
    if beside.share_refused() > MAX_REFUSED_SHARE {
        miss("at most 1 % of the revocations are refused", format!("{:.1} %", beside.share_refused() * 100.0));
    }
    if p50 > MAX_MEDIAN_LAG_MS {
        miss("half of the revocations reach a follower within 500 ms", format!("{p50} ms"));
    }
    if beside.millis(0.5) > MAX_MEDIAN_LOGOUT_MS {
        miss("half of the revocations take at most 25 ms", format!("{} ms", beside.millis(0.5)));
    }
    report
}
