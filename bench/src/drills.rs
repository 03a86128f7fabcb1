//! `bench drill`: the flags of each drill, the first lines of its output, and its run.

mod flags;
mod stalls;

use std::path::{Path, PathBuf};
use std::time::Duration;

use bench::Failure;
use bench::drill::field::http2::{self, Http2Attack};
use bench::drill::field::{self, Scale, Scenario};
use bench::drill::partition::{self, PartitionFault, PartitionPlan};
use bench::drill::postgres::{PostgresDrill, PostgresPlan};
use bench::drill::revocation::{
    self, GUARD_COUNT, HistoryFile, RecordedHistory, RevocationFault, RevocationPlan, RevocationRig,
};
use bench::drill::soak::{self, SoakOptions};
use bench::drill::stall;
use bench::drill::{RECOVERY_TIME_LIMIT, Report, backup, damage, disk, kill, power, refresh};
use bench::services::build;
use clap::{Args, Subcommand};
use testkit::postgres::PostgresServer;

use self::flags::{attack_flags, fault_flags, rounds_flag};
use self::stalls::Stalls;

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum DrillCommand {
    /// PostgreSQL is restarted, killed, paused and cut off under load
    Postgres {
        /// Faults, one after the other
        #[arg(long, default_value_t = 200)]
        rounds: usize,
        #[command(flatten)]
        options: DrillOptions,
    },
    /// The disk below SQLite is full, read-only or failing
    Disk {
        /// Faults, one after the other
        #[arg(long, default_value_t = 100)]
        rounds: usize,
        #[command(flatten)]
        options: DrillOptions,
    },
    /// The pair on SQLite is killed under eight writers
    Kill {
        /// Kills, one after the other
        #[arg(long, default_value_t = 100)]
        rounds: usize,
        #[command(flatten)]
        options: DrillOptions,
    },
    /// The pair on SQLite loses its power under writers: bytes that were not synced are lost
    Power {
        /// Losses of power, one after the other
        #[arg(long, default_value_t = 100)]
        rounds: usize,
        #[command(flatten)]
        options: DrillOptions,
    },
    /// One session is refreshed while answers get lost and the pair on SQLite is killed
    Refresh {
        /// Refreshes, one after the other; the pair is killed in every hundredth
        #[arg(long, default_value_t = 10_000)]
        rounds: usize,
        #[command(flatten)]
        options: DrillOptions,
    },
    /// The pair on SQLite is backed up under eight writers, and each backup is restored and run
    Backup {
        /// Backups, one after the other
        #[arg(long, default_value_t = 100)]
        rounds: usize,
        #[command(flatten)]
        options: DrillOptions,
    },
    /// The files of the auth service on SQLite are damaged at random while no service runs
    Damage {
        /// Damages, each on a fresh copy of the files
        #[arg(long, default_value_t = 1_000)]
        rounds: usize,
        #[command(flatten)]
        options: DrillOptions,
    },
    /// Hostile callers: memory of the services, and the effect on good callers
    Field {
        #[command(flatten)]
        attacks: Attacks,
        #[command(flatten)]
        options: DrillOptions,
    },
    /// Hostile HTTP/2 frames: memory of the services, the effect on good callers, and the time until the attackers are gone
    Http2 {
        /// Only these attacks [default: all of them]
        #[arg(long, value_enum, value_delimiter = ',')]
        only: Vec<Http2Attack>,
        /// Seconds that each attack lasts; the comparison without an attack lasts as long
        #[arg(long, default_value_t = 20)]
        seconds: u64,
        #[command(flatten)]
        options: DrillOptions,
    },
    /// Tokens are revoked under load while guards, the auth service and the connections between them fail
    Revocation {
        #[command(flatten)]
        watched: Watched,
        #[command(flatten)]
        options: DrillOptions,
    },
    /// Tokens are revoked under load while network namespaces are cut off from each other (as root, with `ip`)
    Partition {
        #[command(flatten)]
        partitions: Partitions,
        #[command(flatten)]
        options: DrillOptions,
    },
    /// At full load a process is stopped for 20 s and continued, while clients retry
    Stall {
        #[command(flatten)]
        stalls: Stalls,
        #[command(flatten)]
        options: DrillOptions,
    },
    /// Check a file that `revocation --history` or `soak --history` has written
    Check {
        /// The file
        file: PathBuf,
    },
    /// Hours of mixed load with a random fault a minute: successes, memory, descriptors, lost writes, revoked tokens
    Soak(Box<SoakOptions>),
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Attacks {
    /// Only these scenarios [default: all of them]
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Scenario>,
    /// Seconds that each attack lasts; the comparison without an attack lasts as long
    #[arg(long, default_value_t = 20)]
    seconds: u64,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Watched {
    /// Revocations to watch, for each fault
    #[arg(long, default_value_t = 1_000)]
    trials: usize,
    /// Only these faults [default: all of them]
    #[arg(long, value_enum, value_delimiter = ',')]
    faults: Vec<RevocationFault>,
    /// Write all observations into this file as JSON lines, for `drill check`
    #[arg(long, value_name = "FILE")]
    history: Option<PathBuf>,
    /// Write the table into docs/guarantee.md
    #[arg(long, conflicts_with = "faults")]
    write: bool,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Partitions {
    /// Revocations to watch, for each fault
    #[arg(long, default_value_t = 200)]
    trials: usize,
    /// Only these faults [default: all of them]
    #[arg(long, value_enum, value_delimiter = ',')]
    faults: Vec<PartitionFault>,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct DrillOptions {
    /// Seed of random choices
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The `gatepost` program to test, such as an older version [default: built from these sources first]
    #[arg(long)]
    program: Option<PathBuf>,
}

impl DrillCommand {
    pub(crate) async fn run(self, command: &str) -> Result<(), Failure> {
        match self {
            Self::Check { file } => RecordedHistory::read(&file)?.report().print(),
            Self::Soak(options) => soak::run(*options, command).await,
            other => other.run_rounds().await,
        }
    }

    async fn run_rounds(self) -> Result<(), Failure> {
        let (name, amount, DrillOptions { seed, program }) = match &self {
            Self::Postgres { rounds, options } => ("postgres", rounds_flag(*rounds), options.clone()),
            Self::Disk { rounds, options } => ("disk", rounds_flag(*rounds), options.clone()),
            Self::Kill { rounds, options } => ("kill", rounds_flag(*rounds), options.clone()),
            Self::Power { rounds, options } => ("power", rounds_flag(*rounds), options.clone()),
            Self::Refresh { rounds, options } => ("refresh", rounds_flag(*rounds), options.clone()),
            Self::Backup { rounds, options } => ("backup", rounds_flag(*rounds), options.clone()),
            Self::Damage { rounds, options } => ("damage", rounds_flag(*rounds), options.clone()),
            Self::Field { attacks, options } => ("field", attacks.flags(), options.clone()),
            Self::Http2 { only, seconds, options } => ("http2", attack_flags(only, *seconds), options.clone()),
            Self::Revocation { watched, options } => ("revocation", watched.flags(), options.clone()),
            Self::Partition { partitions, options } => ("partition", partitions.flags(), options.clone()),
            Self::Stall { stalls, options } => ("stall", stalls.flags(), options.clone()),
            Self::Check { .. } | Self::Soak(_) => return Ok(()),
        };
        let profile = if cfg!(debug_assertions) { "" } else { "--release " };
        let other = program.as_ref().map(|program| format!(" --program {}", program.display())).unwrap_or_default();
        let command = format!("cargo run {profile}-p bench -- drill {name} {amount} --seed {seed}{other}");
        if matches!(self, Self::Partition { .. }) {
            partition::check_support()?;
        }
        bench::machine::print(&command);
        let program = program.map_or_else(build, Ok)?;
        let report = match self {
            Self::Postgres { rounds, .. } => {
                let plan = PostgresPlan::random(rounds, seed, RECOVERY_TIME_LIMIT);
                PostgresDrill::start(&program, PostgresServer::start().await?, seed).await?.run(&plan).await?
            }
            Self::Disk { rounds, .. } => {
                disk::run(&program, &disk::DiskFault::random(rounds, seed), seed, RECOVERY_TIME_LIMIT).await?
            }
            Self::Kill { rounds, .. } => kill::run(&program, rounds, seed).await?,
            Self::Power { rounds, .. } => power::run(&program, rounds, seed).await?,
            Self::Refresh { rounds, .. } => refresh::run(&program, rounds, seed).await?,
            Self::Backup { rounds, .. } => backup::run(&program, rounds, seed).await?,
            Self::Damage { rounds, .. } => damage::run(&program, rounds, seed).await?,
            Self::Field { attacks, .. } => attacks.run(&program, seed).await,
            Self::Http2 { only, seconds, .. } => {
                let attacks = if only.is_empty() { &Http2Attack::ALL[..] } else { &only };
                http2::run(&program, attacks, Scale::full(Duration::from_secs(seconds), seed)).await
            }
            Self::Revocation { watched, .. } => {
                let report = watched.run(&program, seed, &command).await?;
                if watched.write {
                    let figures = format!("{}\n\n{}", bench::machine::describe(&command), report.text());
                    bench::page::write("guarantee.md", "drill revocation", &figures)?;
                }
                report
            }
            Self::Partition { partitions, .. } => partition::run(&program, &partitions.plan(seed)).await?,
            Self::Stall { stalls, .. } => stall::run(&program, &stalls.plan()).await?,
            Self::Check { .. } | Self::Soak(_) => return Ok(()),
        };
        report.print()
    }
}

impl Attacks {
    fn flags(&self) -> String {
        attack_flags(&self.only, self.seconds)
    }

    async fn run(&self, program: &Path, seed: u64) -> Report {
        let scenarios = if self.only.is_empty() { &Scenario::ALL[..] } else { &self.only };
        field::run(program, scenarios, Scale::full(Duration::from_secs(self.seconds), seed)).await
    }
}

impl Partitions {
    /// Sessions that are revoked in a round. With fewer of them, faults of more lengths are tried.
    const SESSIONS_PER_ROUND: usize = 20;
    /// Time for which calls are watched after a heal.
    const WATCH_TIME: Duration = Duration::from_secs(3);

    fn flags(&self) -> String {
        fault_flags(self.trials, &self.faults)
    }

    fn plan(&self, seed: u64) -> PartitionPlan {
        let all = [&PartitionFault::ALONE[..], &PartitionFault::REPLICATED].concat();
        let faults = if self.faults.is_empty() { all } else { self.faults.clone() };
        let revocations = RevocationPlan {
            faults,
            trials: self.trials,
            sessions: Self::SESSIONS_PER_ROUND.min(self.trials),
            calls_per_second: Watched::CALLS_PER_SECOND,
            seed,
        };
        PartitionPlan { revocations, recovery: RECOVERY_TIME_LIMIT, watch: Self::WATCH_TIME }
    }
}

impl Watched {
    /// Sessions that are revoked in a round.
    const SESSIONS_PER_ROUND: usize = 40;
    /// Calls per second of all guards together.
    const CALLS_PER_SECOND: u32 = 1_000;

    fn flags(&self) -> String {
        fault_flags(self.trials, &self.faults)
    }

    async fn run(&self, program: &Path, seed: u64, command: &str) -> Result<Report, Failure> {
        let file = self.history.as_ref().map(|path| HistoryFile::create(path, command, GUARD_COUNT));
        let mut file = file.transpose()?;
        let selected = |all: &[RevocationFault]| -> Vec<_> {
            all.iter().copied().filter(|fault| self.faults.is_empty() || self.faults.contains(fault)).collect()
        };
        let plan = |faults| RevocationPlan {
            faults,
            trials: self.trials,
            sessions: Self::SESSIONS_PER_ROUND.min(self.trials),
            calls_per_second: Self::CALLS_PER_SECOND,
            seed,
        };
        let mut checked = Vec::new();
        let (alone, replicated) = (selected(&RevocationFault::ALONE), selected(&RevocationFault::REPLICATED));
        if !alone.is_empty() {
            checked
                .extend(revocation::run(&mut RevocationRig::alone(program).await?, &plan(alone), file.as_mut()).await?);
        }
        if !replicated.is_empty() {
            let mut rig = RevocationRig::replicated(program, PostgresServer::start().await?).await?;
            checked.extend(revocation::run(&mut rig, &plan(replicated), file.as_mut()).await?);
        }
        Ok(revocation::report(&checked, self.trials))
    }
}
