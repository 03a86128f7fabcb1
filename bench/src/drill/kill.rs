//! `bench drill kill`: the pair on SQLite files is killed repeatedly under eight writers.

use std::path::Path;

use tokio::time::{Instant, sleep};
use tonic::Code;

use super::held;
use super::{Broken, DRILL_SETTINGS, DrillCallers, DrillClient, Random, Report};
use crate::Failure;
use crate::services::Services;

/// Kills the pair this many times. Checks after each restart that the data agrees with the answers.
///
/// # Errors
/// Fails if the drill itself cannot continue.
pub async fn run(program: &Path, rounds: usize, seed: u64) -> Result<Report, Failure> {
    let folder = tempfile::tempdir()?;
    let (mut report, mut random) = (Report::default(), Random::new(seed));
    let (mut starts, mut outages) = (Vec::new(), Vec::new());
    let mut services = start(program, folder.path()).await?;
    let first = DrillClient::register(&services, seed).await?;
    for _ in 0..rounds {
        let client = first.over(&services);
        let callers = DrillCallers::writers(&client);
        sleep(random.millis(50, 500)).await;
        // The kill ends the running calls, and later calls would only fail.
        callers.finish();
        let killed = Instant::now();
        services.kill()?;
        callers.stop().await?;
        services = start(program, folder.path()).await?;
        starts.push(services.start);
        outages.push(killed.elapsed());
        held::files(&mut report, &first.over(&services), folder.path()).await?;
        if !report.broken.is_empty() {
            break;
        }
    }
    services.stop()?;
    let calls = first.history.calls().clone();
    report.broken.extend(calls.iter().filter(|call| !call.answer.reason.is_empty()).map(|call| {
        let observed = format!("{:?}: {}, {}", call.operation, call.answer, call.answer.message);
        Broken::new("a running pair refuses no call", observed)
    }));
    let acknowledged = calls.iter().filter(|call| call.answer.code == Code::Ok).count();
    report.lines.clear();
    report.row("kills", starts.len());
    report.row("writes", format!("{acknowledged} acknowledged, {} not answered", calls.len() - acknowledged));
    report.times("from a start after a kill to the first answers", starts);
    report.times("outage of a client, from the kill to the first answers", outages);
    Ok(report)
}

async fn start(program: &Path, folder: &Path) -> Result<Services, Failure> {
    Services::pair(program, folder, |command| command.envs(DRILL_SETTINGS)).await
}
