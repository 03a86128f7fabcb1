//! Hostile callers, a few of them for a few seconds, without checks of times.

use bench::Failure;
use bench::drill::field::{Row, Scale, Scenario};
use bench::services::beside;

use super::turn::turn;

/// The most memory that a short attack may cost in MiB, with a margin for the growth of a new process.
const MAX_EXTRA_MIB: f64 = 64.0;

/// Runs an attack. Asserts that the service survives, that good callers notice at most a delay, and that memory is
/// bounded.
pub(super) async fn is_held_against(scenario: Scenario) -> Result<Vec<Row>, Failure> {
    let _turn = turn().await;
    let rows = scenario.run(&beside()?, Scale::short()).await?.rows;
    for row in &rows {
        let Row { name, attacked, ended, .. } = row;
        assert_eq!(*ended, None, "{name}");
        assert_eq!((attacked.errors, &attacked.first), (0, &None), "{name}: of {} calls", attacked.calls);
        assert!(attacked.calls > 0 && row.more() < MAX_EXTRA_MIB, "{name}: {:.1} MiB more", row.more());
    }
    Ok(rows)
}

#[tokio::test(flavor = "multi_thread")]
async fn too_large_batches_cost_no_memory() -> Result<(), Failure> {
    is_held_against(Scenario::Batch).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn readers_that_read_nothing_cost_little_memory() -> Result<(), Failure> {
    is_held_against(Scenario::SlowReaders).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_never_end_cost_little_memory() -> Result<(), Failure> {
    is_held_against(Scenario::Bodies).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_connections_block_no_new_ones() -> Result<(), Failure> {
    is_held_against(Scenario::Silent).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn unwritable_log_stops_no_call() -> Result<(), Failure> {
    is_held_against(Scenario::Log).await.map(drop)
}
