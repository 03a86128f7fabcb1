//! Tells a call whose deadline passes if the database may have committed what the call has written.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

tokio::task_local! {
    static OUTCOME: CommitOutcome;
}

/// The state of one call's commits.
#[derive(Clone, Debug, Default)]
pub(crate) struct CommitOutcome(Arc<AtomicBool>);

impl CommitOutcome {
    /// Runs the call.
    pub(crate) async fn watch<T>(&self, call: impl Future<Output = T>) -> T {
        OUTCOME.scope(self.clone(), call).await
    }

    /// Tells whether a commit was sent that has no answer yet.
    pub(crate) fn is_open(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Notes that the running call has sent a commit, or has learnt its outcome. Work outside of a call is not watched.
pub fn set_open(is_open: bool) {
    let _ = OUTCOME.try_with(|outcome| outcome.0.store(is_open, Ordering::Relaxed));
}
