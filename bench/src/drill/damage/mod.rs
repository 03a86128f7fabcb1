//! `bench drill damage`: the files of the auth service are damaged while no service runs. Each start is refused, or
//! accepts no dead token.

mod mutation;
mod tokens;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

pub use mutation::{DamagedFile, Mutation};

pub(super) use self::tokens::admin;
use self::tokens::{TokenAnswers, Tokens};
use super::{Broken, DRILL_SETTINGS, Random, Report};
use crate::Failure;
use crate::services::Services;

/// End of the service before the damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ServiceEnd {
    /// `kill -9`.
    Killed,
    /// `SIGTERM`.
    Stopped,
}

/// Outcome of a start on damaged files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StartOutcome {
    /// The service does not start, and its log has a message.
    Refused,
    /// All live tokens are accepted.
    Kept,
    /// No live token is accepted.
    Ended,
    /// Some live tokens are refused, or some calls fail.
    Partial,
}

/// Folder of a service that has ended, with its tokens.
pub struct DamageDrill {
    folder: tempfile::TempDir,
    tokens: Tokens,
}

impl DamageDrill {
    /// Runs a pair that makes and ends tokens, then ends the pair in both ways.
    ///
    /// # Errors
    /// Fails if the drill itself cannot continue.
    pub async fn start(program: &Path) -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let running = folder.path().join("running");
        fs::create_dir(&running)?;
        let services = pair(program, &running).await?;
        let tokens = Tokens::make(&services).await?;
        services.kill()?;
        copy(&running, &folder.path().join("Killed"))?;
        pair(program, &running).await?.stop()?;
        copy(&running, &folder.path().join("Stopped"))?;
        Ok(Self { folder, tokens })
    }

    /// Damages a copy of the files, and starts the pair on it.
    ///
    /// # Errors
    /// Fails if the drill itself cannot continue.
    pub async fn round(
        &self,
        program: &Path,
        end: ServiceEnd,
        mutation: Mutation,
        random: &mut Random,
    ) -> Result<(StartOutcome, Vec<Broken>), Failure> {
        let folder = self.folder.path().join("damaged");
        copy(&self.folder.path().join(format!("{end:?}")), &folder)?;
        mutation.apply(&folder.join("data"), random)?;
        let judged = self.judge(program, &folder, &format!("{end:?}, {mutation:?}")).await;
        fs::remove_dir_all(&folder)?;
        judged
    }

    async fn judge(&self, program: &Path, folder: &Path, name: &str) -> Result<(StartOutcome, Vec<Broken>), Failure> {
        let Ok(services) = pair(program, folder).await else {
            let log = fs::read_to_string(folder.join("log"))?;
            let is_clear = log.contains("auth.db") && !log.contains("panicked");
            let broken = Broken::new("a refused start names the file", format!("{name}: {log}"));
            return Ok((StartOutcome::Refused, if is_clear { Vec::new() } else { vec![broken] }));
        };
        let TokenAnswers { mut broken, kept, failed } = self.tokens.present(&services).await;
        broken = broken.into_iter().map(|broken| broken.during(name)).collect();
        if services.kill().is_err() {
            broken.push(Broken::new("a service that has started runs on", name));
        }
        if fs::read_to_string(folder.join("log"))?.contains("panicked") {
            broken.push(Broken::new("no task panics", name));
        }
        let outcome = match kept {
            _ if failed > 0 => StartOutcome::Partial,
            0 => StartOutcome::Ended,
            kept if kept == self.tokens.live_count() => StartOutcome::Kept,
            _ => StartOutcome::Partial,
        };
        Ok((outcome, broken))
    }
}

/// Damages the files this many times, by random mutations after a kill or a stop.
///
/// # Errors
/// Fails if the drill itself cannot continue.
pub async fn run(program: &Path, rounds: usize, seed: u64) -> Result<Report, Failure> {
    let drill = DamageDrill::start(program).await?;
    let (mut report, mut random) = (Report::default(), Random::new(seed));
    let mut counts: BTreeMap<(ServiceEnd, String), BTreeMap<StartOutcome, usize>> = BTreeMap::new();
    for _ in 0..rounds {
        let end = random.one_of(&[ServiceEnd::Killed, ServiceEnd::Stopped]);
        let mutation = Mutation::random(&mut random);
        let (outcome, broken) = drill.round(program, end, mutation, &mut random).await?;
        report.broken.extend(broken);
        *counts.entry((end, mutation.name())).or_default().entry(outcome).or_default() += 1;
    }
    let (dead, live) = (drill.tokens.dead_count(), drill.tokens.live_count());
    report.row("tokens presented after each start", format!("{dead} dead, {live} live"));
    let row = |name: &str, cells: [String; 4]| {
        format!("{name:<36}{:>9}{:>9}{:>9}{:>9}", cells[0], cells[1], cells[2], cells[3])
    };
    let outcomes = [StartOutcome::Refused, StartOutcome::Kept, StartOutcome::Ended, StartOutcome::Partial];
    report.lines.push(row("damage", outcomes.map(|outcome| format!("{outcome:?}").to_lowercase())));
    for ((end, name), counts) in counts {
        let count = |outcome| counts.get(&outcome).copied().unwrap_or(0).to_string();
        report.lines.push(row(&format!("{end:?}: {name}"), outcomes.map(count)));
    }
    Ok(report)
}

async fn pair(program: &Path, folder: &Path) -> Result<Services, Failure> {
    Services::pair(program, folder, |command| command.envs(DRILL_SETTINGS).env("AUTH_REFRESH_GRACE", "0")).await
}

/// Copies a folder of files and folders, without its log of a process.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for file in fs::read_dir(from)? {
        let file = file?;
        let to = to.join(file.file_name());
        if file.file_type()?.is_dir() {
            copy(&file.path(), &to)?;
        } else if file.file_name() != "log" {
            fs::copy(file.path(), to)?;
        }
    }
    Ok(())
}
