//! `bench storm`: logins while all clients retry each refused login at once, compared with the hash alone.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::RangedU64ValueParser;
use serde::Serialize;
use tonic::Code;

use super::figures::Spread;
use super::{Account, LoadSample, UNLIMITED_SETTINGS, closed_loop, hash_rate, millis};
use crate::machine::MachineFacts;
use crate::output::ReportOutput;
use crate::services::{Services, channels};
use crate::{Failure, page, services};

/// Number of clients in the comparison without a storm. The service refuses none of them.
const CALM_CLIENTS: usize = 4;

/// Least part of the hash's limit that logins reach in a storm.
const GOODPUT_TARGET: f64 = 0.9;

/// Flags of `bench storm`.
#[derive(Clone, Debug, Args)]
pub struct StormOptions {
    /// Clients, each with a user and a connection of its own
    #[arg(long, default_value = "64", value_parser = RangedU64ValueParser::<usize>::new().range(1..=1_000))]
    clients: usize,
    /// Rounds: each measures the hash alone, four clients, and the storm
    #[arg(long, default_value = "5", value_parser = RangedU64ValueParser::<usize>::new().range(1..=100))]
    rounds: usize,
    /// Milliseconds of each measurement
    #[arg(long, default_value = "4000", value_parser = clap::value_parser!(u64).range(10..=600_000))]
    turn_ms: u64,
    /// The `gatepost` program to start [default: built from these sources first]
    #[arg(long)]
    program: Option<PathBuf>,
    /// Write all figures into this file as JSON; `-` prints them, and the table goes to standard error
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write the figures into docs/benchmarks.md
    #[arg(long)]
    write: bool,
}

/// Figures of all rounds. docs/benchmarks.md describes the fields.
#[derive(Debug, Serialize)]
struct StormReport {
    schema: u32,
    #[serde(flatten)]
    machine: MachineFacts,
    clients: usize,
    rounds: Vec<StormRound>,
}

/// Figures of a round.
#[derive(Debug, Serialize)]
struct StormRound {
    hashes_per_second: f64,
    calm_logins_per_second: f64,
    storm_logins_per_second: f64,
    storm_refusals_per_second: f64,
    storm_p50_ms: f64,
    storm_p99_ms: f64,
}

/// Measures the rounds, and prints the table.
///
/// # Errors
/// Fails if the pair does not start, or a login fails otherwise than by a refusal.
pub async fn run_storm(options: StormOptions, command: &str) -> Result<(), Failure> {
    let machine = MachineFacts::read(command);
    let output = ReportOutput::new(options.json.as_deref());
    output.show(&format!("{machine}\n"));
    let program = options.program.clone().map_or_else(services::build, Ok)?;
    let folder = tempfile::tempdir()?;
    let pair = Services::pair(&program, folder.path(), |command| command.envs(UNLIMITED_SETTINGS)).await?;
    let connections = channels(pair.auth_address(), options.clients).await?;
    let accounts = Account::register(&connections, options.clients).await?;
    let mut rounds = Vec::new();
    for round in 0..options.rounds {
        rounds.push(StormRound::measure(&accounts, Duration::from_millis(options.turn_ms)).await?);
        eprintln!("round {} of {}", round + 1, options.rounds);
    }
    pair.stop()?;
    let report = StormReport { schema: 1, machine, clients: options.clients, rounds };
    let table = report.table();
    output.show(&table);
    output.write(&report)?;
    if options.write {
        page::write("benchmarks.md", "storm", &format!("{}\n\n{table}", report.machine))?;
    }
    Ok(())
}

impl StormRound {
    #[expect(clippy::cast_precision_loss, reason = "the calls of a few seconds are few")]
    async fn measure(accounts: &[Account], length: Duration) -> Result<Self, Failure> {
        let hashes_per_second = hash_rate(length).await?;
        let calm = logins(accounts, CALM_CLIENTS, length).await?;
        let storm = logins(accounts, accounts.len(), length).await?;
        Ok(Self {
            hashes_per_second,
            calm_logins_per_second: calm.rate(),
            storm_logins_per_second: storm.rate(),
            storm_refusals_per_second: storm.failed as f64 / storm.taken.as_secs_f64(),
            storm_p50_ms: millis(&storm.micros, 0.5),
            storm_p99_ms: millis(&storm.micros, 0.99),
        })
    }
}

/// Lets this many clients log in. A client ignores the time after which it should retry.
async fn logins(accounts: &[Account], clients: usize, length: Duration) -> Result<LoadSample, Failure> {
    let calls: Vec<_> = accounts.iter().cloned().map(Account::eager_logins).collect();
    let sample = closed_loop(clients, length, &calls).await?;
    match &sample.first_failure {
        Some(status) if status.code() != Code::ResourceExhausted => Err(status.clone().into()),
        _ => Ok(sample),
    }
}

impl StormReport {
    fn table(&self) -> String {
        let spread =
            |figure: fn(&StormRound) -> f64| Spread::of_rounds(&self.rounds.iter().map(figure).collect::<Vec<_>>());
        let row = |name: &str, digits: usize, figure: fn(&StormRound) -> f64, target: &str| {
            let Spread { median, min, max } = spread(figure);
            let measured = format!("{median:.digits$} ({min:.digits$}..{max:.digits$})");
            format!("{name:<46} {measured:<24} {target}").trim_end().to_owned()
        };
        let clients = self.clients;
        let target = format!(">= {GOODPUT_TARGET}");
        [
            format!("{:<46} {:<24} target", "figure", "median (min..max)"),
            row("hashes alone, a second", 1, |round| round.hashes_per_second, ""),
            row("logins of 4 clients, a second", 1, |round| round.calm_logins_per_second, ""),
            row(
                &format!("logins of {clients} clients that retry at once"),
                1,
                |round| round.storm_logins_per_second,
                "",
            ),
            row("  refusals, a second", 0, |round| round.storm_refusals_per_second, ""),
            row("  time of a success, p50 ms", 1, |round| round.storm_p50_ms, ""),
            row("  time of a success, p99 ms", 1, |round| round.storm_p99_ms, ""),
            row("logins of 4 clients / hashes", 2, |round| round.calm_logins_per_second / round.hashes_per_second, ""),
            row(
                "logins in the storm / hashes",
                2,
                |round| round.storm_logins_per_second / round.hashes_per_second,
                &target,
            ),
        ]
        .join("\n")
    }
}
