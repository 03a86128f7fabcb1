//! Tracks commits without an answer, so that a call past its deadline can report an unknown outcome.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

tokio::task_local! {
    static OUTCOME: CommitOutcome;
}

/// State of one call's commits.
#[derive(Clone, Debug, Default)]
pub(crate) struct CommitOutcome(Arc<AtomicBool>);

impl CommitOutcome {
    /// Runs the call and tracks its commits.
    pub(crate) async fn watch<T>(&self, call: impl Future<Output = T>) -> T {
        OUTCOME.scope(self.clone(), call).await
    }

    /// Returns true if a commit was sent and has no answer yet.
    pub(crate) fn is_open(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Records that the running call has sent a commit (true) or knows its outcome (false). Does nothing outside of a call.
pub fn set_open(is_open: bool) {
    let _ = OUTCOME.try_with(|outcome| outcome.0.store(is_open, Ordering::Relaxed));
}
