//! Retries during a start. A machine that starts many programs at once is slow, and the time limits of calls are too
//! short for a slow start.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::StoreError;

/// Longest wait during a start: until the database opens, until another process has migrated it, and until an answer
/// arrives.
pub(super) const START_TIMEOUT: Duration = Duration::from_secs(30);

/// Pause between two tries.
const RETRY_INTERVAL: Duration = Duration::from_millis(100);

/// Repeats work that may be done twice, for half a minute while the database cannot be reached.
///
/// # Errors
/// The last [`StoreError`]. [`StoreError::Unknown`] if an earlier commit was not answered: the database may have stored
/// the write.
pub async fn patiently<T, F>(work: impl Fn() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let give_up = Instant::now() + START_TIMEOUT;
    let mut is_unknown = false;
    loop {
        let done = work().await;
        is_unknown |= matches!(done, Err(StoreError::Unknown(_)));
        match done {
            Err(StoreError::Unavailable(cause) | StoreError::Unknown(cause)) if Instant::now() < give_up => {
                tracing::debug!(%cause, "the database does not answer yet");
                sleep(RETRY_INTERVAL).await;
            }
            Err(error) if is_unknown => return Err(error.or_unknown()),
            done => return done,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn only_transient_errors_are_retried() {
        let tries = AtomicU32::new(0);
        let next = |error: fn(sqlx::Error) -> StoreError, until: u32| {
            let (tries, error) = (&tries, error);
            async move {
                let count = tries.fetch_add(1, Ordering::Relaxed) + 1;
                if count < until { Err(error(sqlx::Error::PoolTimedOut)) } else { Ok(count) }
            }
        };
        assert_eq!(patiently(|| next(StoreError::from, 3)).await.unwrap(), 3);
        let fault = |error| StoreError::Fault(std::sync::Arc::new(error));
        assert!(matches!(patiently(|| next(fault, u32::MAX)).await, Err(StoreError::Fault(_))));
        assert_eq!(tries.load(Ordering::Relaxed), 4, "a fault is returned at once");
        let began = Instant::now();
        assert!(matches!(patiently(|| next(StoreError::from, u32::MAX)).await, Err(StoreError::Unavailable(_))));
        assert_eq!(began.elapsed().as_secs(), START_TIMEOUT.as_secs(), "the retries end");
    }

    #[tokio::test(start_paused = true)]
    async fn outage_after_an_unanswered_commit_stays_unknown() {
        let tries = AtomicU32::new(0);
        let next = || {
            let is_first = tries.fetch_add(1, Ordering::Relaxed) == 0;
            let cause = std::sync::Arc::new(sqlx::Error::PoolTimedOut);
            let error = if is_first { StoreError::Unknown(cause) } else { StoreError::Unavailable(cause) };
            std::future::ready(Err::<(), _>(error))
        };
        assert!(matches!(patiently(next).await, Err(StoreError::Unknown(_))));
    }
}
