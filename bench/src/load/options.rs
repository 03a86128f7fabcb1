//! Flags of `bench load`.

use std::path::PathBuf;

use clap::Args;
use clap::builder::RangedU64ValueParser;
use serde::Serialize;

use super::MeasuredCall;

/// The flags.
#[derive(Clone, Debug, Args)]
pub struct LoadOptions {
    /// Only these calls [default: all of them; against running services all except `create`]
    #[arg(long, value_enum, value_delimiter = ',')]
    pub only: Vec<MeasuredCall>,
    /// The load.
    #[command(flatten)]
    pub settings: LoadSettings,
    /// The measured services.
    #[command(flatten)]
    pub target: LoadTarget,
    /// The `gatepost` program to start [default: built from these sources first]
    #[arg(long, conflicts_with = "auth")]
    pub program: Option<PathBuf>,
    /// Repeat `check` and `verify` with h2load, a generator of another project (Debian: nghttp2-client)
    #[arg(long, conflicts_with = "rate")]
    pub h2load: bool,
    /// Write all figures into this file as JSON; `-` prints them, and the table goes to standard error
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Draw the figures into this SVG file
    #[arg(long, value_name = "FILE")]
    pub plot: Option<PathBuf>,
    /// Write the figures into docs/benchmarks.md
    #[arg(long)]
    pub write: bool,
}

/// The load that the calls get.
#[derive(Clone, Debug, Args, Serialize)]
pub struct LoadSettings {
    /// Callers that wait for their answer before their next call (a closed loop)
    #[arg(long, default_value = "32", value_parser = RangedU64ValueParser::<usize>::new().range(1..=10_000))]
    pub callers: usize,
    /// Connections to each service; a connection carries at most 100 calls at once
    #[arg(long, default_value = "4", value_parser = RangedU64ValueParser::<usize>::new().range(1..=1_000))]
    pub connections: usize,
    /// Calls a second at a constant rate in place of the callers (an open loop); times count from the scheduled start
    #[arg(long, conflicts_with = "callers", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub rate: Option<u32>,
    /// Open calls at once in an open loop; further arrivals are counted as shed
    #[arg(long, default_value = "10000", value_parser = RangedU64ValueParser::<usize>::new().range(1..=100_000))]
    pub backlog: usize,
    /// Rounds; the table shows the median round, with the lowest and the highest one
    #[arg(long, default_value = "5", value_parser = RangedU64ValueParser::<usize>::new().range(1..=100))]
    pub rounds: usize,
    /// Turns of each call in a round. The calls alternate, so that a disturbance of the machine affects all of them
    #[arg(long, default_value = "4", value_parser = RangedU64ValueParser::<usize>::new().range(1..=1_000))]
    pub turns: usize,
    /// Milliseconds of a turn; a rate above the capacity needs long turns
    #[arg(long, default_value = "500", value_parser = clap::value_parser!(u64).range(10..=600_000))]
    pub turn_ms: u64,
    /// Seed of the random ids
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Posts that the reads choose from; running services may have fewer
    #[arg(long, default_value = "1000", value_parser = RangedU64ValueParser::<usize>::new().range(1..=1_000_000))]
    pub posts: usize,
    /// Posts of a page and of a batch
    #[arg(long, default_value = "50", value_parser = RangedU64ValueParser::<usize>::new().range(1..=100))]
    pub rows: usize,
    /// Users who log in and refresh, each with one session; of running services, sessions of the one user
    #[arg(long, default_value = "32", value_parser = RangedU64ValueParser::<usize>::new().range(1..=1_000))]
    pub users: usize,
    /// Unseen tokens for a turn of `verify-cold`, which ends with them
    #[arg(long, default_value = "5000", value_parser = RangedU64ValueParser::<usize>::new().range(1..=1_000_000))]
    pub cold_tokens: usize,
}

/// Running services to measure. Without them, the program starts its own.
///
/// The password comes from `BENCH_PASSWORD`, or from the file that `BENCH_PASSWORD_FILE` names.
#[derive(Clone, Debug, Args)]
pub struct LoadTarget {
    /// URL of a running auth service, without TLS; the password is in `BENCH_PASSWORD`, or in the file that
    /// `BENCH_PASSWORD_FILE` names [default: a pair of its own]
    #[arg(long, value_name = "URL", requires_all = ["blog", "email"])]
    pub auth: Option<http::Uri>,
    /// URL of its running blog service
    #[arg(long, value_name = "URL", requires = "auth")]
    pub blog: Option<http::Uri>,
    /// Email of a user of the running services
    #[arg(long, requires = "auth")]
    pub email: Option<String>,
    /// Allow services that are not on this machine's loopback: they get a heavy load, and passwords in plaintext
    #[arg(long, requires = "auth")]
    pub allow_remote: bool,
}
