//! `bench drill backup`: the pair is backed up under eight writers, and each backup is restored and run.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tonic::Code;

use super::{
    AcknowledgedWrite, Broken, DRILL_SETTINGS, DrillCallers, DrillClient, Operation, Random, RecordedCall, Report,
    TimeSpan,
};
use crate::Failure;
use crate::services::Services;

/// Figures of all rounds.
#[derive(Default)]
struct BackupFigures {
    backups: Vec<Duration>,
    starts: Vec<Duration>,
    bytes: u64,
    /// Start and end of each backup, and of a period of the same length without a backup.
    during: Vec<TimeSpan>,
    without: Vec<TimeSpan>,
}

/// Backs the pair up this many times. Checks that each backup has all writes that were acknowledged before its start.
///
/// # Errors
/// Fails if the drill itself cannot continue.
pub async fn run(program: &Path, rounds: usize, seed: u64) -> Result<Report, Failure> {
    let folder = tempfile::tempdir()?;
    let (mut report, mut random, mut figures) = (Report::default(), Random::new(seed), BackupFigures::default());
    let services = Services::pair(program, folder.path(), |command| command.envs(DRILL_SETTINGS)).await?;
    let client = DrillClient::register(&services, seed).await?;
    for _ in 0..rounds {
        let callers = DrillCallers::writers(&client);
        sleep(random.millis(50, 300)).await;
        let before = [client.posts.acknowledged(), client.users.acknowledged()];
        let begun = Instant::now();
        back_up(program, folder.path()).await?;
        let length = begun.elapsed();
        figures.during.push(TimeSpan::of_length(begun, length));
        // A period of the same length without a backup, for comparison.
        let calm = Instant::now();
        sleep(length).await;
        figures.without.push(TimeSpan::of_length(calm, length));
        figures.backups.push(length);
        callers.stop().await?;
        let broken = restored(program, folder.path(), &client, &before, &mut figures).await?;
        report.broken.extend(broken);
        if !report.broken.is_empty() {
            break;
        }
    }
    services.stop()?;
    let calls = client.history.calls().clone();
    report.broken.extend(calls.iter().filter(|call| !call.answer.reason.is_empty()).map(|call| {
        let observed = format!("{:?}: {}, {}", call.operation, call.answer, call.answer.message);
        Broken::new("a pair refuses no call during its backup", observed)
    }));
    figures.add_to(&mut report, &calls);
    Ok(report)
}

async fn back_up(program: &Path, folder: &Path) -> Result<(), Failure> {
    succeed(program, &["backup"], &folder.join("kept"), &folder.join("data")).await
}

/// Restores the backup into a new folder, runs a pair on it, and removes both; returns the broken promises.
async fn restored(
    program: &Path,
    folder: &Path,
    client: &DrillClient,
    before: &[Vec<AcknowledgedWrite>; 2],
    figures: &mut BackupFigures,
) -> Result<Vec<Broken>, Failure> {
    let (kept, new) = (folder.join("kept"), folder.join("new"));
    figures.bytes = std::fs::metadata(kept.join("auth.db"))?.len() + std::fs::metadata(kept.join("blog.db"))?.len();
    let begun = Instant::now();
    succeed(program, &["restore"], &kept, &new.join("data")).await?;
    let services = Services::pair(program, &new, |command| command.envs(DRILL_SETTINGS)).await?;
    figures.starts.push(begun.elapsed());
    let mut broken = Vec::new();
    for name in ["auth.db", "blog.db"] {
        let damages = testkit::sqlite::damages(new.join("data").join(name)).await?;
        broken.extend(damages.into_iter().map(|damage| Broken::new("a restored file is intact", damage)));
    }
    let old = client.over(&services);
    if old.call(Operation::VerifyToken).await.is_ok() {
        broken.push(Broken::new("a restore ends all sessions", "the old token is active"));
    }
    let fresh = old.logged_in().await?;
    let held = [fresh.all_posts_with_content().await?, fresh.all_users().await?];
    for (written, held) in before.iter().zip(&held) {
        let is_missing =
            |write: &&AcknowledgedWrite| held.get(&write.name).is_none_or(|ids| *ids != [write.id.clone()]);
        broken.extend(written.iter().filter(is_missing).map(|AcknowledgedWrite { name, id }| {
            let observed = format!("{name}: {id}, and the backup has {:?}", held.get(name));
            Broken::new("a backup has each write acknowledged before its start, once", observed)
        }));
    }
    services.stop()?;
    std::fs::remove_dir_all(&kept)?;
    std::fs::remove_dir_all(&new)?;
    Ok(broken)
}

/// Runs a command of the program, which must succeed.
async fn succeed(program: &Path, command: &[&str], backup: &Path, data: &Path) -> Result<(), Failure> {
    if let Some(folder) = data.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut process = Command::new(program);
    process.env_clear().args(command).arg(backup).arg("--data-dir").arg(data).stdin(Stdio::null());
    // In another thread: the writers of this process continue.
    let ended = tokio::task::spawn_blocking(move || process.output()).await??;
    if ended.status.success() {
        return Ok(());
    }
    Err(format!("gatepost {}: {}", command.join(" "), String::from_utf8_lossy(&ended.stderr)).into())
}

impl BackupFigures {
    fn add_to(self, report: &mut Report, calls: &[RecordedCall]) {
        let during = rate(calls, &self.during);
        let without = rate(calls, &self.without);
        let acknowledged = calls.iter().filter(|call| call.answer.code == Code::Ok && call.operation.writes()).count();
        report.row("backups, each restored and run", self.starts.len());
        report.row("writes acknowledged", acknowledged);
        report.row("writes a second without a backup, with one", format!("{without:.0}, {during:.0}"));
        report.row(
            "size of the last backup",
            format!("{:.1} MB", f64::from(u32::try_from(self.bytes).unwrap_or(u32::MAX)) / 1e6),
        );
        report.times("a backup", self.backups);
        report.times("from the start of a restore to the first answers", self.starts);
    }
}

/// Returns acknowledged writes per second within these times.
fn rate(calls: &[RecordedCall], times: &[TimeSpan]) -> f64 {
    let is_within = |call: &RecordedCall| times.iter().any(|time| time.contains(call.ended));
    let count = calls.iter().filter(|call| call.answer.code == Code::Ok && is_within(call)).count();
    let length: Duration = times.iter().map(TimeSpan::length).sum();
    f64::from(u32::try_from(count).unwrap_or(u32::MAX)) / length.as_secs_f64().max(f64::EPSILON)
}
