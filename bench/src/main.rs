//! Prints the project's figures, each with its command, machine and commit.

mod auth;
mod compare;
mod drills;
mod guard;
mod quick;
mod replicas;
mod writes;

use std::path::PathBuf;

use bench::Failure;
use bench::guarded::{self, GuardWork};
use bench::load::{self, InstructionOptions, LoadOptions, StormOptions};
use bench::rivals::{self, RivalsOptions};
use bench::scale::{self, ScaleOptions};
use clap::{Parser, Subcommand};
use kit::config::Environment;
use secrecy::ExposeSecret;

/// Measures the services as processes on this machine's loopback.
#[derive(Debug, Parser)]
#[command(name = "bench", version)]
struct BenchCli {
    #[command(subcommand)]
    bench: Bench,
}

#[derive(Clone, Debug, Subcommand)]
enum Bench {
    /// Memory, start and the cost of a guarded call; about two minutes
    Quick,
    /// Cost of a token and a login with a million sessions, and in a flood of logins; about three minutes
    Auth {
        #[command(flatten)]
        options: auth::AuthOptions,
    },
    /// Compares the times of refused logins, which must not reveal accounts; about ten minutes
    Timing,
    /// Time until a token revoked at one replica is refused by the other; about a minute
    Replicas,
    /// Cost of a guarded call, and time until a revoked token is refused; about ten minutes
    Guard {
        #[command(flatten)]
        options: guard::GuardOptions,
    },
    /// Writes a second on SQLite, alone and in groups, on this disk and a slower one; about two minutes
    Writes {
        /// Use only this machine's disk
        #[arg(long)]
        on_this_disk: bool,
    },
    /// Compares the cost of guarded reads and posts of 64 KiB in two programs `gatepost`, in turns; about two minutes
    Compare {
        /// The first program
        one: PathBuf,
        /// The second program
        other: PathBuf,
    },
    /// Calls a second and times of each call, at a full load or at a constant rate; about three minutes
    ///
    /// The calls alternate in turns, so that ratios of one run are exact. A plot and a file of JSON have all figures;
    /// docs/benchmarks.md describes the fields.
    Load(Box<LoadOptions>),
    /// Logins a second while 64 clients retry each refused login at once; about a minute
    Storm {
        #[command(flatten)]
        options: StormOptions,
    },
    /// Instructions of the services for each call, counted by Callgrind; about ten minutes
    Instructions {
        #[command(flatten)]
        options: InstructionOptions,
    },
    /// Does work of the guard, whose instructions a test counts
    #[command(hide = true)]
    GuardWork { work: GuardWork, times: u32 },
    /// Times of reads and logins with 10^3 to 10^7 rows, and what grows with the tables; about an hour, 15 GB of disk
    ///
    /// Both engines are filled in minutes. The sizes take turns, so that their ratios are exact. docs/benchmarks.md
    /// describes the figures and the fields of the JSON file.
    Scale(Box<ScaleOptions>),
    /// The same work for other products beside Gatepost, in turns; about ten minutes
    ///
    /// docs/rivals.md says how each rival is built, and what it does at each call. A rival that cannot be built is
    /// reported, and the others are measured.
    Rivals {
        #[command(flatten)]
        options: RivalsOptions,
    },
    /// Answers `VerifyToken` with a constant, for `load`
    #[command(hide = true)]
    Echo,
    /// Break the parts that the services depend on, and check their promises
    #[command(subcommand)]
    Drill(drills::DrillCommand),
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    match BenchCli::parse().bench {
        Bench::Quick => quick::run().await,
        Bench::Auth { options } => auth::run(options, &command_line()).await,
        Bench::Timing => auth::timing().await,
        Bench::Replicas => replicas::run().await,
        Bench::Guard { options } => guard::run(options).await,
        Bench::Writes { on_this_disk: false } => writes::run().await,
        Bench::Writes { on_this_disk: true } => writes::measure().await,
        Bench::Compare { one, other } => compare::run(&one, &other).await,
        Bench::Load(options) => run_load(*options).await,
        Bench::Storm { options } => load::run_storm(options, &command_line()).await,
        Bench::Instructions { options } => load::run_instructions(options, &command_line()).await,
        Bench::GuardWork { work, times } => guarded::do_work(work, times).await,
        Bench::Scale(options) => scale::run(*options, &command_line()).await,
        Bench::Rivals { options } => rivals::run_rivals(options, &command_line()).await,
        Bench::Echo => load::serve_echo().await,
        Bench::Drill(drill) => drill.run(&command_line()).await,
    }
}

/// Runs the load with the password from the environment.
async fn run_load(options: LoadOptions) -> Result<(), Failure> {
    #[expect(clippy::disallowed_methods, reason = "main reads the environment")]
    let password = Environment::new(|name| std::env::var_os(name)).secret("BENCH_PASSWORD")?;
    load::run(options, password.as_ref().map(ExposeSecret::expose_secret), &command_line()).await
}

/// Returns the command that repeats this run.
fn command_line() -> String {
    let profile = if cfg!(debug_assertions) { "" } else { "--release " };
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    format!("cargo run {profile}-p bench -- {}", arguments.join(" "))
}
