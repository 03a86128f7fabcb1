//! The end of the call that a task serves: work for an answer that comes too late is not begun.

use tokio::time::Instant;

tokio::task_local! {
    static DEADLINE: Instant;
}

/// Runs the work of a call that ends at this time.
pub async fn run_until<F: Future>(end: Instant, work: F) -> F::Output {
    DEADLINE.scope(end, work).await
}

/// Returns the end of the call that this task serves, if it serves one.
pub fn deadline() -> Option<Instant> {
    DEADLINE.try_with(|end| *end).ok()
}
