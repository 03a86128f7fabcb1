//! The end of the call that a task serves: work for an answer that comes too late is not begun.

use tokio::time::Instant;

tokio::task_local! {
    static END: Instant;
}

/// Runs the work of a call that ends at this time.
pub async fn until<F: Future>(end: Instant, work: F) -> F::Output {
    END.scope(end, work).await
}

/// Returns the end of the call that this task serves, if it serves one.
pub fn end() -> Option<Instant> {
    END.try_with(|end| *end).ok()
}
