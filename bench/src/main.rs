//! Prints the project's figures, each with the command, the machine and the commit that it comes from.

mod load;
mod machine;
mod pair;
mod quick;
mod writes;

use clap::{Parser, Subcommand};

/// Measures the pair in processes of its own, on this machine's loopback.
#[derive(Debug, Parser)]
#[command(name = "bench", version)]
struct Cli {
    #[command(subcommand)]
    bench: Bench,
}

#[derive(Clone, Copy, Debug, Subcommand)]
enum Bench {
    /// Memory, start and the cost of a guarded call; about two minutes
    Quick,
    /// Writes a second on SQLite, alone and in groups, on this disk and a slower one; about two minutes
    Writes {
        /// Only on the disk as it is
        #[arg(long)]
        on_this_disk: bool,
    },
}

/// Whatever goes wrong ends the run: a figure of half a run is none.
type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    match Cli::parse().bench {
        Bench::Quick => quick::run().await,
        Bench::Writes { on_this_disk: false } => writes::run().await,
        Bench::Writes { on_this_disk: true } => writes::measure().await,
    }
}
