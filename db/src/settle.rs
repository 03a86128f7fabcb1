//! Settles a write with an unanswered commit: lookups for the write, and repeats it, until its outcome is known.

use std::time::Duration;

use gatepost::log::LogLimit;
use kit::outcome;
use tokio::time::{Instant, sleep};

use super::StoreError;

/// Time in which a write is repeated, counted from its start. The last attempt still ends before the deadline of every
/// RPC that writes.
const REPEAT_WINDOW: Duration = Duration::from_secs(2);

/// Time in which a write is looked up, counted from its start.
const SETTLE_TIMEOUT: Duration = Duration::from_millis(3500);

/// Pause before the next lookup.
const LOOKUP_INTERVAL: Duration = Duration::from_millis(50);

static SETTLED_LOG: LogLimit = LogLimit::new();

/// Writes, and finds out the outcome of an unanswered commit.
///
/// `find` returns the result of the write if the write is stored. Otherwise the first commit may still be running, so
/// the write is repeated. A repeated write must have no second effect: it finds its own row, or requires the state that
/// it has read. If the repetition writes nothing, `find` decides. By then the first commit has either arrived, or it
/// never will.
///
/// # Errors
/// [`StoreError`]; [`StoreError::Unknown`] if the outcome stays unknown for too long.
pub async fn settle<T, W, F>(write: impl Fn() -> W, find: impl Fn() -> F) -> Result<T, StoreError>
where
    W: Future<Output = Result<T, StoreError>>,
    F: Future<Output = Result<Option<T>, StoreError>>,
{
    let begun = Instant::now();
    let unknown = match write().await {
        Err(unknown @ StoreError::Unknown(_)) => unknown,
        known => return known,
    };
    loop {
        // The outcome is also unknown during a repetition and after its failure.
        outcome::set_open(true);
        let mut found = find().await;
        if matches!(found, Ok(None))
            && begun.elapsed() < REPEAT_WINDOW
            && let Ok(repeated) = write().await
        {
            found = find().await.map(|found| Some(found.unwrap_or(repeated)));
        }
        if let Ok(Some(found)) = found {
            outcome::set_open(false);
            if let Some(line) = SETTLED_LOG.allow() {
                let cause = &unknown as &(dyn std::error::Error + 'static);
                tracing::warn!(cause, left_out = line.left_out(), "outcome of an unanswered commit found");
            }
            return Ok(found);
        }
        if begun.elapsed() >= SETTLE_TIMEOUT {
            return Err(unknown);
        }
        sleep(LOOKUP_INTERVAL).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Answers of writes and lookups, in order; the last answer is repeated.
    struct Script<T>(Mutex<Vec<T>>);

    impl<T: Clone> Script<T> {
        fn new(answers: &[T]) -> Self {
            Self(Mutex::new(answers.iter().rev().cloned().collect()))
        }

        fn next(&self) -> T {
            let mut answers = self.0.lock().unwrap();
            if answers.len() > 1 { answers.pop().unwrap() } else { answers[0].clone() }
        }
    }

    fn unknown<T>() -> Result<T, StoreError> {
        Err(StoreError::Unknown(std::sync::Arc::new(sqlx::Error::PoolTimedOut)))
    }

    fn away<T>() -> Result<T, StoreError> {
        Err(sqlx::Error::PoolTimedOut.into())
    }

    async fn settled(
        writes: &[Result<u8, StoreError>],
        lookups: &[Result<Option<u8>, StoreError>],
    ) -> Result<u8, StoreError> {
        let (writes, lookups) = (Script::new(writes), Script::new(lookups));
        settle(|| std::future::ready(writes.next()), || std::future::ready(lookups.next())).await
    }

    #[tokio::test(start_paused = true)]
    async fn known_outcome_is_not_looked_up() {
        assert_eq!(settled(&[Ok(1)], &[Ok(Some(2))]).await.unwrap(), 1);
        assert!(matches!(settled(&[away()], &[Ok(Some(2))]).await, Err(StoreError::Unavailable(_))));
    }

    #[tokio::test(start_paused = true)]
    async fn unanswered_commit_is_found() {
        assert_eq!(settled(&[unknown()], &[Ok(Some(2))]).await.unwrap(), 2);
        assert_eq!(settled(&[unknown()], &[away(), away(), Ok(Some(2))]).await.unwrap(), 2, "after an outage");
    }

    #[tokio::test(start_paused = true)]
    async fn missing_write_is_repeated() {
        assert_eq!(settled(&[unknown(), Ok(3)], &[Ok(None)]).await.unwrap(), 3);
        assert_eq!(
            settled(&[unknown(), Ok(3)], &[Ok(None), Ok(Some(2))]).await.unwrap(),
            2,
            "the first commit has arrived"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn repetition_without_a_lookup_stays_unknown() {
        // The second write finds a changed state, but cannot read which write changed it.
        let settled = settled(&[unknown(), Ok(3)], &[Ok(None), away()]).await;
        assert!(matches!(settled, Err(StoreError::Unknown(_))), "{settled:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn undetermined_outcome_is_unknown_in_time() {
        let begun = Instant::now();
        assert!(matches!(settled(&[unknown()], &[away()]).await, Err(StoreError::Unknown(_))));
        assert!(matches!(settled(&[unknown(), away()], &[Ok(None)]).await, Err(StoreError::Unknown(_))));
        assert!(begun.elapsed() < Duration::from_secs(8));
    }
}
