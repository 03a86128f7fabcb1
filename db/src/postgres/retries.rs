//! Retries of reads and writes. A read is retried once on a new connection. A write is retried while the server asks
//! for a repetition. A write is also retried after a lock timeout, which shows that nothing was written.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::StoreError;
use crate::error::{ConnectionFate, connection_fate, is_broken, is_locked, is_refusal, is_repeatable, is_timeout};

/// Time in which a write is retried: its last try ends before the deadline of every RPC that writes.
const WRITE_RETRY_BUDGET: Duration = Duration::from_secs(2);

/// Pause before the first retry of a write. The pause doubles each time and is shortened at random, so that conflicting
/// writes do not meet again.
const FIRST_RETRY_PAUSE: Duration = Duration::from_millis(1);

/// Lower limit of the maximum pause after a lock timeout. The lock's holder may have waited for this write just as
/// long, so both would start again at the same moment.
const MIN_LOCK_PAUSE: Duration = Duration::from_millis(250);

/// Retry state of a read.
#[derive(Debug)]
pub struct ReadRetries {
    left: u32,
}

impl ReadRetries {
    pub(super) fn new() -> Self {
        Self { left: 1 }
    }

    /// Returns true if the failed read should be retried.
    pub fn once_more(&mut self, error: &sqlx::Error) -> bool {
        let more =
            self.left > 0 && (is_broken(error) && !is_timeout(error) && !is_refusal(error) || is_repeatable(error));
        self.left = self.left.saturating_sub(1);
        more
    }
}

/// Retry state of a write.
#[derive(Debug)]
pub struct WriteRetries {
    until: Instant,
    pause: Duration,
    /// Set once a connection has led to a read-only server. Another connection may lead to the primary.
    has_moved: bool,
}

impl WriteRetries {
    pub(super) fn new() -> Self {
        Self { until: Instant::now() + WRITE_RETRY_BUDGET, pause: FIRST_RETRY_PAUSE, has_moved: false }
    }

    /// Returns true if the write should be retried, after a short pause.
    pub async fn once_more<T>(&mut self, written: &Result<T, StoreError>) -> bool {
        let Err(StoreError::Unavailable(cause)) = written else { return false };
        if connection_fate(cause) == ConnectionFate::OnlyReads {
            return !std::mem::replace(&mut self.has_moved, true);
        }
        if !(is_repeatable(cause) || is_locked(cause)) || Instant::now() >= self.until {
            return false;
        }
        let most = if is_locked(cause) { self.pause.max(MIN_LOCK_PAUSE) } else { self.pause };
        let random = u32::from(kit::random::bytes::<1>()[0]) + 1;
        sleep(most * random / 256).await;
        self.pause *= 2;
        true
    }
}
