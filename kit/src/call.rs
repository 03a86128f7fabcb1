//! Deadline of the call that a task serves. Work that would end too late is not started.

use tokio::time::Instant;

tokio::task_local! {
    static DEADLINE: Instant;
}

/// Runs the work of a call with this deadline.
pub async fn run_until<F: Future>(end: Instant, work: F) -> F::Output {
    DEADLINE.scope(end, work).await
}

/// Returns the deadline of the call that this task serves; `None` outside of a call.
pub fn deadline() -> Option<Instant> {
    DEADLINE.try_with(|end| *end).ok()
}
