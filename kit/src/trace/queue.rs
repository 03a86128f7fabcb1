//! Queue of ended spans for one exporter, bounded in number. Calls never wait for it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::SpanRecord;
use crate::metrics::EventCounter;

/// Maximum number of spans that wait for the exporter.
const CAPACITY: usize = 4096;

/// Spans of one request to the collector.
const BATCH: usize = 512;

/// Queue of ended spans. Clones share it.
#[derive(Clone, Debug)]
pub struct SpanQueue(Arc<QueueState>);

#[derive(Debug)]
struct QueueState {
    spans: Mutex<Vec<SpanRecord>>,
    /// Notified when a batch is full.
    full: Notify,
    dropped: EventCounter,
    capacity: usize,
    batch: usize,
}

impl Default for SpanQueue {
    fn default() -> Self {
        Self::with_sizes(CAPACITY, BATCH)
    }
}

impl SpanQueue {
    /// Creates a queue for this number of spans, which are taken in batches.
    pub(crate) fn with_sizes(capacity: usize, batch: usize) -> Self {
        let (spans, full, dropped) = Default::default();
        Self(Arc::new(QueueState { spans, full, dropped, capacity, batch }))
    }

    /// Appends a span, or drops and counts it if there is no room.
    pub(crate) fn push(&self, span: SpanRecord) {
        let mut spans = self.lock();
        if spans.len() >= self.0.capacity {
            drop(spans);
            return self.0.dropped.one();
        }
        spans.push(span);
        let is_full = spans.len() >= self.0.batch;
        drop(spans);
        if is_full {
            self.0.full.notify_one();
        }
    }

    /// Waits until a batch is full.
    pub(crate) async fn full(&self) {
        self.0.full.notified().await;
    }

    /// Takes the oldest spans, at most one batch.
    pub(crate) fn take(&self) -> Vec<SpanRecord> {
        let mut spans = self.lock();
        let count = spans.len().min(self.0.batch);
        spans.drain(..count).collect()
    }

    /// Returns the number of spans that were dropped because the queue was full.
    pub(crate) fn dropped(&self) -> u64 {
        self.0.dropped.get()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<SpanRecord>> {
        self.0.spans.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn queue_drops_what_finds_no_room_and_gives_batches() {
        let queue = SpanQueue::with_sizes(5, 2);
        for _ in 0..7 {
            queue.push(SpanRecord::for_tests());
        }
        assert_eq!(queue.dropped(), 2);
        queue.full().await;
        let taken: Vec<_> = std::iter::repeat_with(|| queue.take().len()).take(4).collect();
        assert_eq!(taken, [2, 2, 1, 0]);
    }
}
