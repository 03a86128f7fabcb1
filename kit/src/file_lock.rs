//! Waits for a lock on a file. The system has no asynchronous way, so the lock is polled.

use std::fs::{File, TryLockError};
use std::io;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Pause between two attempts.
const RETRY_INTERVAL: Duration = Duration::from_millis(50);

/// Locks this open file and returns true. Returns false if another process still holds the lock after `timeout`.
/// Closing the file releases the lock.
///
/// Calls `waits` once if another process holds the lock.
///
/// # Errors
/// Fails if the file cannot be locked at all.
pub async fn lock_within(file: &File, timeout: Duration, waits: impl FnOnce()) -> io::Result<bool> {
    let give_up = Instant::now() + timeout;
    let mut waits = Some(waits);
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(true),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if Instant::now() >= give_up => return Ok(false),
            Err(TryLockError::WouldBlock) => {}
        }
        if let Some(waits) = waits.take() {
            waits();
        }
        sleep_until(Instant::now() + RETRY_INTERVAL).await;
    }
}
