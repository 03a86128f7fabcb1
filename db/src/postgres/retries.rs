//! How often a piece of work is tried: a read once more by a new connection, a write for as long as the server asks for it
//! again, or has ended its wait for a lock, and has so said that it has written nothing.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::StoreError;
use crate::error::{ConnectionFate, connection_fate, is_broken, is_locked, is_refusal, is_repeatable, is_timeout};

/// How long a write is tried again: its last try ends below the deadline of every RPC that writes.
const WRITE_RETRY_BUDGET: Duration = Duration::from_secs(2);

/// The first wait before a write is tried again, doubled each time and cut by chance, so that rivals part.
const FIRST_RETRY_PAUSE: Duration = Duration::from_millis(1);

/// The least of that after a lock that was waited for in vain: its holder may have waited for this write, and for as long, so
/// that both begin again at the same moment.
const MIN_LOCK_PAUSE: Duration = Duration::from_millis(250);

/// The tries of a read.
#[derive(Debug)]
pub struct ReadRetries {
    left: u32,
}

impl ReadRetries {
    pub(super) fn new() -> Self {
        Self { left: 1 }
    }

    /// Whether the read that failed so is to be tried once more.
    pub fn once_more(&mut self, error: &sqlx::Error) -> bool {
        let more =
            self.left > 0 && (is_broken(error) && !is_timeout(error) && !is_refusal(error) || is_repeatable(error));
        self.left = self.left.saturating_sub(1);
        more
    }
}

/// The tries of a write.
#[derive(Debug)]
pub struct WriteRetries {
    until: Instant,
    pause: Duration,
    /// Set once the connection has led to a server that only reads. Another one may lead to the primary.
    has_moved: bool,
}

impl WriteRetries {
    pub(super) fn new() -> Self {
        Self { until: Instant::now() + WRITE_RETRY_BUDGET, pause: FIRST_RETRY_PAUSE, has_moved: false }
    }

    /// Whether the write that ended so is to be tried again; waits a little for that.
    pub async fn once_more<T>(&mut self, written: &Result<T, StoreError>) -> bool {
        let Err(StoreError::Unavailable(cause)) = written else { return false };
        if connection_fate(cause) == ConnectionFate::OnlyReads {
            return !std::mem::replace(&mut self.has_moved, true);
        }
        if !(is_repeatable(cause) || is_locked(cause)) || Instant::now() >= self.until {
            return false;
        }
        let most = if is_locked(cause) { self.pause.max(MIN_LOCK_PAUSE) } else { self.pause };
        let by_chance = u32::from(kit::random::bytes::<1>()[0]) + 1;
        sleep(most * by_chance / 256).await;
        self.pause *= 2;
        true
    }
}
