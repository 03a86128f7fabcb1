//! `bench guard`: cost of a guarded call without a request, and time until a revoked token is refused.

mod away;
mod calls;
mod revoked;
mod rows;

use std::path::PathBuf;
use std::sync::Arc;

use bench::Failure;
use bench::drill::revocation::RevocationRig;
use bench::guarded::{Counting, allocations, cold_allocations, once, serve, time};
use clap::Args;
use gatepost::{Rule, Token};

use self::rows::Rows;
use bench::load::{burst, health_as};

/// Number of cold calls. The call with the fewest allocations counts.
const COLD_CALLS: usize = 32;

/// Number of timed calls of the guard without a server.
const TIMED_HITS: u32 = 200_000;
const HIT_ROUNDS: usize = 5;

/// Number of calls with one token that the guard does not know yet.
const COLD_BURST_CALLS: usize = 10_000;

#[derive(Clone, Debug, Args)]
pub(crate) struct GuardOptions {
    /// Revocations to time
    #[arg(long, default_value_t = 10_000)]
    trials: usize,
    /// Number of kills of the auth service
    #[arg(long, default_value_t = 20)]
    kills: usize,
    /// The `gatepost` program to test [default: built from these sources first]
    #[arg(long)]
    program: Option<PathBuf>,
    /// Write the figures into docs/benchmarks.md
    #[arg(long)]
    write: bool,
}

/// Prints the figures.
#[expect(clippy::print_stdout, reason = "figures are this program's output")]
pub(crate) async fn run(options: GuardOptions) -> Result<(), Failure> {
    let profile = if cfg!(debug_assertions) { "" } else { "--release " };
    let GuardOptions { trials, kills, program, write } = options;
    let command = format!("cargo run {profile}-p bench -- guard --trials {trials} --kills {kills}");
    let heading = bench::machine::describe(&command);
    println!("{heading}\n");
    let program = program.map_or_else(bench::services::build, Ok)?;
    let mut rows = Rows::default();
    rows.row("figure", "measured", "target");
    let mut rig = RevocationRig::alone(&program).await?;
    calls::run(&mut rows, &rig).await?;
    hits(&mut rows).await?;
    cold(&mut rows).await?;
    revoked::run(&mut rows, &rig, trials).await?;
    away::run(&mut rows, &mut rig, kills).await?;
    if write {
        bench::page::write("benchmarks.md", "guard", &format!("{heading}\n\n{}", rows.0.join("\n")))?;
    }
    Ok(())
}

/// Measures the guard's work for a call with a known token.
async fn hits(rows: &mut Rows) -> Result<(), Failure> {
    let counting = Counting::start().await?;
    let auth = counting.follower().await?;
    for bytes in [400, 4_000] {
        let token = Token::parse(&"t".repeat(bytes))?;
        once(&auth, &token).await?;
        let info = allocations(&auth, &token)?;
        let mut times = Vec::new();
        for _ in 0..HIT_ROUNDS {
            once(&auth, &token).await?;
            times.push(tokio::task::block_in_place(|| time(&auth, &token, TIMED_HITS))?);
        }
        times.sort();
        let nanos = times[HIT_ROUNDS / 2].as_nanos();
        let target = if bytes == 400 { "<= 2000 ns" } else { "" };
        rows.row(&format!("the guard's own work, token of {bytes} bytes"), &format!("{nanos} ns"), target);
        let measured = format!("{}, {} bytes", info.count_total, info.bytes_total);
        rows.row("  allocations", &measured, "the same for both");
    }
    Ok(())
}

/// Measures calls with unknown tokens: the allocations of one, and the requests of many at once with one token.
async fn cold(rows: &mut Rows) -> Result<(), Failure> {
    let counting = Counting::start().await?;
    let info = tokio::task::block_in_place(|| {
        // Runs on a separate thread, because this thread already has a runtime.
        std::thread::scope(|scope| scope.spawn(|| cold_allocations(&counting, COLD_CALLS)).join())
    });
    let info = info.map_err(|_| "the measuring thread panicked")??;
    rows.row("allocations of a cold call", &format!("{}, {} bytes", info.count_total, info.bytes_total), "");
    let counting = Counting::start().await?;
    let server = serve(Rule::Authenticated, counting.follower().await?).await?;
    let token = Token::parse(&"t".repeat(400))?;
    let mut callers = Vec::new();
    for _ in 0..16 {
        callers.push(health_as(&server.channel().await?, &token));
    }
    let failed = burst(Arc::from(callers), COLD_BURST_CALLS).await;
    let measured = format!("{}, {failed} calls failed", counting.asked());
    rows.row(&format!("requests for {COLD_BURST_CALLS} calls at once, one cold token"), &measured, "1");
    Ok(())
}
