//! Prints the project's figures, each with its command, machine and commit.

mod auth;
mod compare;
mod drills;
mod guard;
mod load;
mod quick;
mod replicas;
mod writes;

use std::path::PathBuf;

use bench::Failure;
use clap::{Parser, Subcommand};

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
    Auth,
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
    /// Break the parts that the services depend on, and check their promises
    #[command(subcommand)]
    Drill(drills::DrillCommand),
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    match BenchCli::parse().bench {
        Bench::Quick => quick::run().await,
        Bench::Auth => auth::run().await,
        Bench::Timing => auth::timing().await,
        Bench::Replicas => replicas::run().await,
        Bench::Guard { options } => guard::run(options).await,
        Bench::Writes { on_this_disk: false } => writes::run().await,
        Bench::Writes { on_this_disk: true } => writes::measure().await,
        Bench::Compare { one, other } => compare::run(&one, &other).await,
        Bench::Drill(drill) => drill.run().await,
    }
}
