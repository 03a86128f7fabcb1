//! Flags of `bench rivals`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::RangedU64ValueParser;
use serde::Serialize;

use super::Rival;

/// Flags of `bench rivals`.
#[derive(Clone, Debug, Args)]
pub struct RivalsOptions {
    /// Rivals beside Gatepost [default: all of them]
    #[arg(value_enum)]
    pub(super) names: Vec<Rival>,
    #[command(flatten)]
    pub(super) settings: RivalSettings,
    /// The `gatepost` program to start [default: built from these sources first]
    #[arg(long)]
    pub(super) program: Option<PathBuf>,
    /// Write all figures into this file as JSON; `-` prints them, and the table goes to standard error
    #[arg(long, value_name = "FILE")]
    pub(super) json: Option<PathBuf>,
    /// Draw the figures into this SVG file
    #[arg(long, value_name = "FILE")]
    pub(super) plot: Option<PathBuf>,
    /// Write the figures into docs/rivals.md, and a short table into README.md
    #[arg(long)]
    pub(super) write: bool,
}

/// The work that each rival gets.
#[derive(Clone, Debug, Args, Serialize)]
pub struct RivalSettings {
    /// Callers that wait for their answer before their next call; at most eight of them log in
    #[arg(long, default_value = "32", value_parser = RangedU64ValueParser::<usize>::new().range(1..=1_000))]
    pub(super) callers: usize,
    /// Rounds; the table shows the median round
    #[arg(long, default_value = "3", value_parser = RangedU64ValueParser::<usize>::new().range(1..=100))]
    pub(super) rounds: usize,
    /// Turns of each call in a round. The rivals alternate, so that a disturbance of the machine affects all of them
    #[arg(long, default_value = "4", value_parser = RangedU64ValueParser::<usize>::new().range(1..=1_000))]
    pub(super) turns: usize,
    /// Milliseconds of a turn
    #[arg(long, default_value = "500", value_parser = clap::value_parser!(u64).range(10..=600_000))]
    pub(super) turn_ms: u64,
    /// Measured starts of each rival, on the data of an earlier start
    #[arg(long, default_value = "3", value_parser = RangedU64ValueParser::<usize>::new().range(1..=100))]
    pub(super) starts: usize,
    /// Sessions of each rival that are ended, one after the other
    #[arg(long, default_value = "5", value_parser = RangedU64ValueParser::<usize>::new().range(1..=100))]
    pub(super) logouts: usize,
    /// Seconds to wait until the token of an ended session is refused
    #[arg(long, default_value = "70", value_parser = clap::value_parser!(u64).range(1..=3_600))]
    pub(super) wait_seconds: u64,
    /// Posts that the reads choose from
    #[arg(long, default_value = "1000", value_parser = RangedU64ValueParser::<usize>::new().range(1..=1_000))]
    pub(super) posts: usize,
    /// Users who log in and refresh, each with one session
    #[arg(long, default_value = "32", value_parser = RangedU64ValueParser::<usize>::new().range(1..=1_000))]
    pub(super) users: usize,
    /// Seed of the random ids
    #[arg(long, default_value_t = 1)]
    pub(super) seed: u64,
}

impl RivalSettings {
    /// Returns the length of a turn.
    pub(super) fn turn(&self) -> Duration {
        Duration::from_millis(self.turn_ms)
    }

    /// Returns the time limit of a logout's effect.
    pub(super) fn wait(&self) -> Duration {
        Duration::from_secs(self.wait_seconds)
    }
}
