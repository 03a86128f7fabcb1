//! Flags of `bench scale`.

use std::path::PathBuf;

use clap::Args;
use clap::builder::RangedU64ValueParser;
use serde::Serialize;

use super::{ScaleEngine, ScaleFigure};

/// The flags.
#[derive(Clone, Debug, Args)]
pub struct ScaleOptions {
    /// Only this engine [default: both, one after the other]
    #[arg(long, value_enum)]
    pub engine: Option<ScaleEngine>,
    /// Only these figures [default: all of them]
    #[arg(long, value_enum, value_delimiter = ',', conflicts_with = "write")]
    pub only: Vec<ScaleFigure>,
    /// The sizes and the load.
    #[command(flatten)]
    pub settings: ScaleSettings,
    /// The `gatepost` program to start [default: built from these sources first]
    #[arg(long)]
    pub program: Option<PathBuf>,
    /// Write all figures into this file as JSON; `-` prints them, and the tables go to standard error
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write the figures into docs/benchmarks.md, after each engine
    #[arg(long)]
    pub write: bool,
}

/// The sizes and the load.
#[derive(Clone, Debug, Args, Serialize)]
pub struct ScaleSettings {
    /// Numbers of users and of posts; the ratio compares the last with the first
    #[arg(long, value_delimiter = ',', default_value = "1000,100000,10000000",
          value_parser = clap::value_parser!(u64).range(10..=100_000_000))]
    pub rows: Vec<u64>,
    /// Seed of the random keys
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Callers that wait for their answer before their next call
    #[arg(long, default_value = "4", value_parser = RangedU64ValueParser::<usize>::new().range(1..=8))]
    pub callers: usize,
    /// Rounds; the table shows the median round
    #[arg(long, default_value = "5", value_parser = RangedU64ValueParser::<usize>::new().range(1..=100))]
    pub rounds: usize,
    /// Turns of each call and size in a round
    #[arg(long, default_value = "2", value_parser = RangedU64ValueParser::<usize>::new().range(1..=1_000))]
    pub turns: usize,
    /// Milliseconds of a turn
    #[arg(long, default_value = "500", value_parser = clap::value_parser!(u64).range(10..=600_000))]
    pub turn_ms: u64,
    /// Revocations in the log that a start reads
    #[arg(long, default_value = "1000000", value_parser = clap::value_parser!(u64).range(2..=10_000_000))]
    pub entries: u64,
    /// Sessions that a start migrates from the first version of the tables
    #[arg(long, default_value = "1000000", value_parser = clap::value_parser!(u64).range(2..=10_000_000))]
    pub migrated: u64,
    /// Ended sessions that a sweep deletes
    #[arg(long, default_value = "200000", value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub swept: u64,
    /// Numbers of guards that follow one auth service
    #[arg(long, value_delimiter = ',', default_value = "1,10,100,1000",
          value_parser = RangedU64ValueParser::<usize>::new().range(1..=10_000))]
    pub guards: Vec<usize>,
    /// Seconds that each number of guards is measured, at 50 revocations a second
    #[arg(long, default_value = "20", value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub guard_seconds: u64,
}
