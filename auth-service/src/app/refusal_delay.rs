//! Delays refused logins and sign-ups for a moment, so that callers that retry at once leave the processors to the hashes.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::error::AuthError;
use crate::passwords::HashError;

/// Time from the refusal to its answer. Excess logins are refused within 50 ms (R16).
const REFUSAL_DELAY: Duration = Duration::from_millis(40);

/// Maximum number of delayed refusals. More are answered at once, so a flood takes no further memory.
const MAX_DELAYED: usize = 256;

/// Part of the running calls that delayed refusals may be: one of so many.
const CALLS_DIVISOR: usize = 8;

/// Places of the delayed refusals.
#[derive(Clone)]
pub(crate) struct RefusalDelay(Arc<Semaphore>);

impl RefusalDelay {
    /// Creates the places for a server that runs this many calls at once: an eighth of them, and at most 256.
    pub(crate) fn new(max_calls: u32) -> Self {
        let calls = usize::try_from(max_calls).unwrap_or(usize::MAX);
        Self(Arc::new(Semaphore::new(MAX_DELAYED.min(calls / CALLS_DIVISOR))))
    }

    /// Returns the result. A refusal that asks the caller to retry later waits first, if a place is free.
    ///
    /// A caller that ignores the requested wait then makes 25 calls a second, not thousands. The delay does not depend
    /// on the account, so it reveals nothing.
    pub(super) async fn pace<T>(&self, result: Result<T, AuthError>) -> Result<T, AuthError> {
        let is_refusal = matches!(
            result,
            Err(AuthError::TooManyAttempts(_) | AuthError::TooManyCalls(_) | AuthError::Hash(HashError::Overloaded))
        );
        if is_refusal && let Ok(_place) = self.0.try_acquire() {
            tokio::time::sleep(REFUSAL_DELAY).await;
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use tokio::task::JoinSet;
    use tokio::time::Instant;

    use super::*;

    fn overloaded() -> Result<(), AuthError> {
        Err(AuthError::Hash(HashError::Overloaded))
    }

    #[tokio::test(start_paused = true)]
    async fn refusals_wait_and_other_answers_do_not() {
        let (refusals, began) = (RefusalDelay::new(16), Instant::now());
        refusals.pace(Ok(())).await.unwrap();
        refusals.pace::<()>(Err(AuthError::InvalidCredentials)).await.unwrap_err();
        refusals.pace::<()>(Err(AuthError::Hash(HashError::Panicked))).await.unwrap_err();
        assert_eq!(began.elapsed(), Duration::ZERO);
        let wait = Duration::from_secs(1);
        for refusal in [
            overloaded(),
            Err(AuthError::TooManyCalls(wait)),
            Err(AuthError::TooManyAttempts(chrono::TimeDelta::seconds(1))),
        ] {
            let began = Instant::now();
            refusals.pace(refusal).await.unwrap_err();
            assert_eq!(began.elapsed(), REFUSAL_DELAY);
        }
    }

    /// Refusals beyond the places are answered at once. A caller that leaves frees its place.
    #[tokio::test(start_paused = true)]
    async fn refusals_beyond_the_places_are_not_delayed() {
        // With few calls, most of them remain for other callers.
        assert_eq!([16, 2_048, 100_000].map(|calls| RefusalDelay::new(calls).0.available_permits()), [2, 256, 256]);
        let refusals = RefusalDelay::new(2_048);
        let mut delayed = JoinSet::new();
        for _ in 0..MAX_DELAYED {
            let refusals = refusals.clone();
            delayed.spawn(async move { refusals.pace(overloaded()).await });
        }
        while refusals.0.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let began = Instant::now();
        refusals.pace(overloaded()).await.unwrap_err();
        assert_eq!(began.elapsed(), Duration::ZERO);
        delayed.shutdown().await;
        assert_eq!(refusals.0.available_permits(), MAX_DELAYED);
    }
}
