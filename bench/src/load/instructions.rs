//! `bench instructions`: the instructions of the services for a call, counted by Callgrind.
//!
//! A count does not depend on the load of the machine, so it shows differences that a rate cannot show. It leaves out
//! the kernel's work.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use clap::builder::RangedU64ValueParser;
use serde::Serialize;
use tokio::time::sleep;

use super::figures::Spread;
use super::kind::LoadServer;
use super::own::Launch;
use super::series::Series;
use super::services::ServicesUnderLoad;
use super::{LoadSettings, MeasuredCall};
use crate::machine::MachineFacts;
use crate::output::ReportOutput;
use crate::{Failure, page, services};

/// Time in which the services get no call, to count their other work.
const IDLE_TIME: Duration = Duration::from_secs(3);

/// Compared calls: the first one's count is divided by the second one's.
const COMPARED: [[MeasuredCall; 2]; 3] = [
    [MeasuredCall::Get, MeasuredCall::GetPublic],
    [MeasuredCall::Verify, MeasuredCall::Check],
    [MeasuredCall::Get, MeasuredCall::CheckBlog],
];

/// Calls that are counted. The work of a login is its hash.
const COUNTED: [MeasuredCall; 10] = [
    MeasuredCall::Check,
    MeasuredCall::CheckBlog,
    MeasuredCall::Verify,
    MeasuredCall::VerifyCold,
    MeasuredCall::Get,
    MeasuredCall::GetPublic,
    MeasuredCall::List,
    MeasuredCall::Batch,
    MeasuredCall::Create,
    MeasuredCall::Refresh,
];

/// Flags of `bench instructions`.
#[derive(Clone, Debug, Args)]
pub struct InstructionOptions {
    /// Only these calls [default: all but `echo` and `login`]
    #[arg(long, value_enum, value_delimiter = ',')]
    pub only: Vec<MeasuredCall>,
    /// Calls of a round, one after the other
    #[arg(long, default_value = "300", value_parser = RangedU64ValueParser::<usize>::new().range(1..=100_000))]
    pub calls: usize,
    /// Rounds; the table shows the median round, with the lowest and the highest one
    #[arg(long, default_value = "3", value_parser = RangedU64ValueParser::<usize>::new().range(1..=100))]
    pub rounds: usize,
    /// The `gatepost` program to start [default: built from these sources first]
    #[arg(long)]
    pub program: Option<PathBuf>,
    /// Write all figures into this file as JSON; `-` prints them, and the table goes to standard error
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Write the figures into docs/benchmarks.md
    #[arg(long)]
    pub write: bool,
}

/// Figures of all calls. docs/benchmarks.md describes the fields.
#[derive(Debug, Serialize)]
pub struct InstructionReport {
    schema: u32,
    #[serde(flatten)]
    machine: MachineFacts,
    calls_per_round: usize,
    idle_per_second: f64,
    /// The counted calls.
    pub calls: Vec<CallInstructions>,
}

/// Instructions of the services for one call.
#[derive(Clone, Debug, Serialize)]
pub struct CallInstructions {
    /// Name of the call.
    pub call: String,
    /// Median, lowest and highest round.
    pub instructions: Spread,
    rounds: Vec<f64>,
}

/// Counts the calls, and prints the table.
///
/// # Errors
/// Fails if Valgrind is missing, the services do not start, or a call fails.
pub async fn run_instructions(options: InstructionOptions, command: &str) -> Result<(), Failure> {
    let machine = MachineFacts::read(command);
    let output = ReportOutput::new(options.json.as_deref());
    output.show(&format!("{machine}\n"));
    let report = count_instructions(&options, machine).await?;
    let table = report.table();
    output.show(&table);
    output.write(&report)?;
    if options.write {
        page::write("benchmarks.md", "instructions", &format!("{}\n\n{table}", report.machine))?;
    }
    Ok(())
}

/// Counts the calls.
///
/// # Errors
/// The same as [`run_instructions`].
pub async fn count_instructions(
    options: &InstructionOptions,
    machine: MachineFacts,
) -> Result<InstructionReport, Failure> {
    let kinds = kinds(&options.only)?;
    let program = options.program.clone().map_or_else(services::build, Ok)?;
    let folder = tempfile::tempdir()?;
    eprintln!("starting the services under Callgrind");
    let mut services =
        ServicesUnderLoad::start(Launch::Callgrind(&program), folder.path(), &kinds, &settings()).await?;
    let mut series = Vec::new();
    for kind in &kinds {
        let one = Series::open(*kind, &services, &settings()).await?;
        one.prepare(&services, options.calls).await?;
        // The first calls open the connection and fill the caches.
        one.some(options.calls).await.map_err(|failure| format!("{kind}: a call failed: {failure}"))?;
        series.push((one, Vec::new()));
    }
    let idle_per_second = idle_per_second(&mut services).await?;
    for round in 0..options.rounds {
        for (one, rounds) in &mut series {
            one.prepare(&services, options.calls).await?;
            services.count_instructions(one.kind.server())?;
            let began = Instant::now();
            one.some(options.calls).await?;
            let other_work = idle_per_second * began.elapsed().as_secs_f64();
            let counted = services.count_instructions(one.kind.server())?;
            rounds.push((count(counted) - other_work) / count(u64::try_from(options.calls)?));
        }
        eprintln!("round {} of {}", round + 1, options.rounds);
    }
    services.end().await?;
    let calls = series.into_iter().map(|(one, rounds)| CallInstructions {
        call: one.kind.to_string(),
        instructions: Spread::of_rounds(&rounds),
        rounds,
    });
    let calls = calls.collect();
    Ok(InstructionReport { schema: 1, machine, calls_per_round: options.calls, idle_per_second, calls })
}

/// Returns the calls to count.
fn kinds(only: &[MeasuredCall]) -> Result<Vec<MeasuredCall>, Failure> {
    if let Some(other) = only.iter().find(|kind| !COUNTED.contains(kind)) {
        return Err(format!("--only {other}: Callgrind does not count this call").into());
    }
    Ok(COUNTED.into_iter().filter(|kind| only.is_empty() || only.contains(kind)).collect())
}

/// Returns the load of one caller.
fn settings() -> LoadSettings {
    LoadSettings {
        callers: 1,
        connections: 1,
        rate: None,
        backlog: 1,
        rounds: 1,
        turns: 1,
        turn_ms: 1,
        seed: 1,
        posts: 200,
        rows: 50,
        users: 1,
        cold_tokens: 1,
    }
}

/// Returns the instructions of the services in a second without calls.
async fn idle_per_second(services: &mut ServicesUnderLoad) -> Result<f64, Failure> {
    services.count_instructions(LoadServer::Auth)?;
    let began = Instant::now();
    sleep(IDLE_TIME).await;
    let elapsed = began.elapsed().as_secs_f64();
    Ok(count(services.count_instructions(LoadServer::Auth)?) / elapsed)
}

#[expect(clippy::cast_precision_loss, reason = "a count of a few minutes is exact")]
fn count(instructions: u64) -> f64 {
    instructions as f64
}

impl InstructionReport {
    /// Returns the table.
    fn table(&self) -> String {
        let mut lines = vec![
            format!("{} calls in each round, one after the other", self.calls_per_round),
            format!("{:.0} instructions a second without calls, left out below", self.idle_per_second),
            String::new(),
            format!("{:<16}{:>13} (min..max)", "call", "instructions"),
        ];
        lines.extend(self.calls.iter().map(|CallInstructions { call, instructions, .. }| {
            let Spread { median, min, max } = instructions;
            format!("{call:<16}{median:>13.0} ({min:.0}..{max:.0})")
        }));
        let find = |kind: MeasuredCall| self.calls.iter().find(|one| one.call == kind.to_string());
        lines.extend(COMPARED.iter().filter_map(|[one, other]| {
            let ratio = find(*one)?.instructions.median / find(*other)?.instructions.median;
            Some(format!("{:<16}{ratio:>13.3}", format!("{one} / {other}")))
        }));
        lines.join("\n")
    }
}
