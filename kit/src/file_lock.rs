//! Waits for a lock on a file: there is no asynchronous way, so it is asked for again and again.

use std::fs::{File, TryLockError};
use std::io;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// How often it is asked for.
const RETRY_INTERVAL: Duration = Duration::from_millis(50);

/// Takes the lock of this open file, waiting for whoever has it; `waits` is told once that somebody has. Returns whether it
/// came within the patience. The lock goes when the file is closed.
///
/// # Errors
/// When the file cannot be locked at all.
pub async fn lock_within(file: &File, patience: Duration, waits: impl FnOnce()) -> io::Result<bool> {
    let give_up = Instant::now() + patience;
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
