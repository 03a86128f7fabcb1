//! The time of a start that reads a long log of revocations.

use std::path::Path;

use super::ScaleSettings;
use super::databases::ScaleHost;
use super::report::GoalFigure;
use crate::Failure;
use crate::fill;
use crate::load::Spread;

/// Number of starts. The figure is their median.
const START_COUNT: usize = 3;

/// Longest time of a start, in milliseconds.
const MAX_START_MS: f64 = 2_000.0;

/// Measures starts with an empty and with a long log.
pub(super) async fn measure(
    host: &ScaleHost,
    program: &Path,
    folder: &Path,
    settings: &ScaleSettings,
) -> Result<Vec<GoalFigure>, Failure> {
    let databases = host.databases(folder).await?;
    databases.create(program).await?;
    let mut figures = Vec::new();
    for entries in [0, settings.entries] {
        if entries > 0 {
            databases.auth.run(&fill::revocations(databases.auth.dialect(), entries)).await?;
            databases.auth.settle().await?;
        }
        let mut starts = Vec::new();
        for _ in 0..START_COUNT {
            let services = databases.start(program, |command| command).await?;
            starts.push(services.start.as_secs_f64() * 1e3);
            services.stop()?;
        }
        let name = format!("start with {entries} revocations in the log");
        figures.push(GoalFigure::new(name, Spread::of_rounds(&starts).median, "ms").at_most(MAX_START_MS));
    }
    databases.remove()?;
    Ok(figures)
}
