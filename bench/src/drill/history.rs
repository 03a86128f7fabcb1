//! All calls of all clients, in the order in which they ended.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use tokio::time::Instant;

use super::{Answer, Operation, RecordedCall};

/// A history in progress.
#[derive(Clone, Debug)]
pub struct CallHistory {
    calls: Arc<Mutex<Vec<RecordedCall>>>,
    length: watch::Sender<usize>,
}

impl Default for CallHistory {
    fn default() -> Self {
        Self { calls: Arc::default(), length: watch::Sender::new(0) }
    }
}

impl CallHistory {
    /// Returns the calls until now.
    pub fn calls(&self) -> MutexGuard<'_, Vec<RecordedCall>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a call that has ended just now.
    pub fn add(&self, operation: Operation, begun: Instant, answer: Answer) {
        let mut calls = self.calls();
        calls.push(RecordedCall { operation, begun, ended: Instant::now(), answer });
        self.length.send_replace(calls.len());
    }

    /// Waits until each of these operations has had a wanted answer, from a call that began after `after`. The caller
    /// must set a time limit.
    pub async fn all(&self, operations: &[Operation], after: Instant, is_wanted: impl Fn(&Answer) -> bool) {
        let mut length = self.length.subscribe();
        let (mut seen, mut left) = (0, operations.to_vec());
        loop {
            {
                let calls = self.calls();
                let matching = calls[seen..].iter().filter(|call| call.begun >= after && is_wanted(&call.answer));
                for call in matching {
                    left.retain(|operation| *operation != call.operation);
                }
                seen = calls.len();
            }
            if left.is_empty() || length.changed().await.is_err() {
                return;
            }
        }
    }
}
