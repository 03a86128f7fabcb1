//! The delay of revocations at 1 to 1,000 guards.

use std::path::Path;
use std::time::Duration;

use super::ScaleSettings;
use super::databases::{ADMIN_EMAIL, ScaleHost, USER_PASSWORD};
use super::report::GoalFigure;
use crate::Failure;
use crate::followers::{FOLLOWED_SETTINGS, FollowerFigures, Revoker};

/// Longest delay of 99 of 100 revocations, in milliseconds.
const MAX_LAG_P99_MS: f64 = 500.0;

/// Measures the delay for each number of guards, one after the other.
pub(super) async fn measure(
    host: &ScaleHost,
    program: &Path,
    folder: &Path,
    settings: &ScaleSettings,
) -> Result<Vec<GoalFigure>, Failure> {
    let databases = host.databases(folder).await?;
    let services = databases.start(program, |command| command.envs(FOLLOWED_SETTINGS)).await?;
    let revoker = Revoker::log_in(&services.auth, ADMIN_EMAIL, USER_PASSWORD).await?;
    let mut figures = Vec::new();
    for guards in &settings.guards {
        let length = Duration::from_secs(settings.guard_seconds);
        let found = FollowerFigures::measure(&services, &revoker, *guards, length).await?;
        if found.delays.is_empty() {
            let refused = &found.revocations.refusals;
            return Err(format!("{guards} guards: no revocation was received; refused: {refused:?}").into());
        }
        let lost = u64::try_from(found.ended)? + found.revocations.refused();
        let name = |what: &str| format!("{guards} guards, 50 revocations a second: {what}");
        #[expect(clippy::cast_precision_loss, reason = "a delay is below a minute, and the revocations are few")]
        let [p50, p99, lost] =
            [found.delays.value_at_quantile(0.5), found.delays.value_at_quantile(0.99), lost].map(|value| value as f64);
        figures.extend([
            GoalFigure::new(name("delay p50"), p50, "ms"),
            GoalFigure::new(name("delay p99"), p99, "ms").at_most(MAX_LAG_P99_MS),
            GoalFigure::new(name("refused or lost"), lost, "").at_most(0.0),
            GoalFigure::new(name("received before the end"), found.share_received() * 100.0, "%"),
            GoalFigure::new(name("cores of the services"), found.share * 100.0, "%"),
        ]);
    }
    services.stop()?;
    databases.remove()?;
    Ok(figures)
}
