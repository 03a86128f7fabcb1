//! Flags of `bench drill soak`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use super::{SoakDatabase, SoakFault};

/// Seconds of a run without a flag for its length.
const DEFAULT_SECONDS: u64 = 8 * 3600;

/// Interval between two samples of memory and descriptors.
const SAMPLE_INTERVAL: Duration = Duration::from_secs(5);

/// Promise R10: the least share of calls that succeed outside faults.
const MIN_SUCCESS: f64 = 0.9995;

/// The flags.
#[derive(Clone, Debug, Args)]
pub struct SoakOptions {
    /// Hours of load, at most 20: access tokens live for a day [default: 8]
    #[arg(long, conflicts_with_all = ["minutes", "seconds"], value_parser = clap::value_parser!(u64).range(1..=20))]
    hours: Option<u64>,
    /// Minutes of load in place of hours
    #[arg(long, conflicts_with = "seconds", value_parser = clap::value_parser!(u64).range(1..=1_200))]
    minutes: Option<u64>,
    /// Seconds of load in place of hours
    #[arg(long, value_parser = clap::value_parser!(u64).range(5..=72_000))]
    seconds: Option<u64>,
    /// Calls a second
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=2_000))]
    rate: u32,
    /// Seconds from the start of a fault to the start of the next one
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(5..=3_600))]
    fault_seconds: u64,
    /// Only these faults [default: all that the database allows]
    #[arg(long, value_enum, value_delimiter = ',')]
    faults: Vec<SoakFault>,
    /// Database of the services
    #[arg(long, value_enum, default_value_t = SoakDatabase::Auto)]
    database: SoakDatabase,
    /// Largest growth of a process's memory, in MiB an hour
    #[arg(long, default_value_t = 4.0)]
    max_growth: f64,
    /// Seed of random choices
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The `gatepost` program to test [default: built from these sources first]
    #[arg(long)]
    pub(super) program: Option<PathBuf>,
    /// Another version of the `gatepost` program, for `replace-auth` and `replace-blog`
    #[arg(long, value_name = "PROGRAM")]
    other_program: Option<PathBuf>,
    /// Write samples, minutes and faults into this file as they come, as JSON lines [default: gatepost-soak-SEED.jsonl in
    /// the folder of temporary files]
    #[arg(long, value_name = "FILE")]
    samples: Option<PathBuf>,
    /// Write all checks of revoked tokens into this file as JSON lines, for `drill check`
    #[arg(long, value_name = "FILE")]
    pub(super) history: Option<PathBuf>,
    /// Write all figures into this file as JSON; `-` prints them, and the table goes to standard error
    #[arg(long, value_name = "FILE")]
    pub(super) json: Option<PathBuf>,
}

/// The plan of a run.
#[derive(Clone, Debug, Serialize)]
pub struct SoakPlan {
    /// Length of the load.
    pub length: Duration,
    /// Calls a second.
    pub rate: u32,
    /// Time from the start of a fault to the start of the next one.
    pub fault_interval: Duration,
    /// The faults to choose from; empty for all that the database allows.
    pub faults: Vec<SoakFault>,
    /// Database of the services.
    pub database: SoakDatabase,
    /// Another version of the program, which replaces a running service.
    pub other_program: Option<PathBuf>,
    /// Interval between two samples.
    pub sample_interval: Duration,
    /// Largest growth of a process's memory, in MiB an hour.
    pub max_growth: f64,
    /// Least share of calls that succeed outside faults.
    pub min_success: f64,
    /// Seed of random choices.
    pub seed: u64,
}

impl SoakOptions {
    pub(super) fn plan(&self) -> SoakPlan {
        let seconds = self.hours.map(|hours| hours * 3600).or(self.minutes.map(|minutes| minutes * 60));
        SoakPlan {
            length: Duration::from_secs(seconds.or(self.seconds).unwrap_or(DEFAULT_SECONDS)),
            rate: self.rate,
            fault_interval: Duration::from_secs(self.fault_seconds),
            faults: self.faults.clone(),
            database: self.database,
            other_program: self.other_program.clone(),
            sample_interval: SAMPLE_INTERVAL,
            max_growth: self.max_growth,
            min_success: MIN_SUCCESS,
            seed: self.seed,
        }
    }

    /// Returns the file for samples.
    pub(super) fn samples(&self) -> PathBuf {
        let name = format!("gatepost-soak-{}.jsonl", self.seed);
        self.samples.clone().unwrap_or_else(|| std::env::temp_dir().join(name))
    }
}
