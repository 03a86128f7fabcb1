//! `bench drill`: each drill with its flags, and what it prints before it begins.

use std::path::PathBuf;

use bench::Failure;
use bench::drill::postgres::{self, Plan};
use bench::drill::{BACK, backup, disk, kill, refresh};
use bench::services::build;
use clap::{Args, Subcommand};
use harness::postgres::Server;

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Drill {
    /// PostgreSQL is restarted, killed, paused and cut off under load
    Postgres {
        /// Faults, one after the other
        #[arg(long, default_value_t = 200)]
        rounds: usize,
        #[command(flatten)]
        options: Options,
    },
    /// The disk below SQLite is full, only reads, or fails
    Disk {
        /// Faults, one after the other
        #[arg(long, default_value_t = 100)]
        rounds: usize,
        #[command(flatten)]
        options: Options,
    },
    /// The pair on SQLite is killed under eight writers
    Kill {
        /// Kills, one after the other
        #[arg(long, default_value_t = 100)]
        rounds: usize,
        #[command(flatten)]
        options: Options,
    },
    /// One session is refreshed while answers get lost and the pair on SQLite is killed
    Refresh {
        /// Refreshes, one after the other; the pair is killed in every hundredth
        #[arg(long, default_value_t = 10_000)]
        rounds: usize,
        #[command(flatten)]
        options: Options,
    },
    /// The pair on SQLite is backed up under eight writers, and each backup is restored and run
    Backup {
        /// Backups, one after the other
        #[arg(long, default_value_t = 100)]
        rounds: usize,
        #[command(flatten)]
        options: Options,
    },
}

#[derive(Clone, Debug, Args)]
pub(crate) struct Options {
    /// What chance decides comes from this number
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The program `gatepost` to break, such as an older one [default: the one of these sources, which is built first]
    #[arg(long)]
    program: Option<PathBuf>,
}

impl Drill {
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let (name, rounds, Options { seed, program }) = match &self {
            Self::Postgres { rounds, options } => ("postgres", *rounds, options.clone()),
            Self::Disk { rounds, options } => ("disk", *rounds, options.clone()),
            Self::Kill { rounds, options } => ("kill", *rounds, options.clone()),
            Self::Refresh { rounds, options } => ("refresh", *rounds, options.clone()),
            Self::Backup { rounds, options } => ("backup", *rounds, options.clone()),
        };
        let profile = if cfg!(debug_assertions) { "" } else { "--release " };
        let other = program.as_ref().map(|program| format!(" --program {}", program.display())).unwrap_or_default();
        let flags = format!("--rounds {rounds} --seed {seed}{other}");
        bench::machine::print(&format!("cargo run {profile}-p bench -- drill {name} {flags}"));
        let program = program.map_or_else(build, Ok)?;
        let report = match self {
            Self::Postgres { .. } => {
                let plan = Plan::by_chance(rounds, seed, BACK);
                postgres::Drill::start(&program, Server::start().await?, seed).await?.run(&plan).await?
            }
            Self::Disk { .. } => disk::run(&program, &disk::Fault::by_chance(rounds, seed), seed, BACK).await?,
            Self::Kill { .. } => kill::run(&program, rounds, seed).await?,
            Self::Refresh { .. } => refresh::run(&program, rounds, seed).await?,
            Self::Backup { .. } => backup::run(&program, rounds, seed).await?,
        };
        report.print()
    }
}
