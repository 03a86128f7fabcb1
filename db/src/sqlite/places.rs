//! Places of the statements that read a file at once.

use std::sync::Arc;
use std::time::Duration;

use sqlx::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError};
use tokio::time::{Instant, timeout};

use crate::measures::WaitMeasure;

/// Longest wait of a call for a place: below the deadline of every RPC that reads.
const ACQUIRE_TIMEOUT: Duration = Duration::from_millis(400);

/// A limited number of places. Each running statement takes one.
#[derive(Clone, Debug)]
pub(super) struct Places(Arc<PlaceLimit>);

/// A place, until it is dropped.
pub(super) type Place = OwnedSemaphorePermit;

#[derive(Debug)]
struct PlaceLimit {
    free: Arc<Semaphore>,
    limit: u32,
    waits: WaitMeasure,
}

impl Places {
    /// Creates this number of places.
    pub(super) fn new(limit: u32) -> Self {
        let free = Arc::new(Semaphore::new(usize::try_from(limit).unwrap_or(Semaphore::MAX_PERMITS)));
        Self(Arc::new(PlaceLimit { free, limit, waits: WaitMeasure::default() }))
    }

    /// Takes a place.
    ///
    /// # Errors
    /// The places are closed, or none was free in time.
    pub(super) async fn take(&self) -> Result<Place, Error> {
        match Arc::clone(&self.0.free).try_acquire_owned() {
            Ok(place) => {
                self.0.waits.ended(Duration::ZERO);
                Ok(place)
            }
            Err(TryAcquireError::Closed) => Err(Error::PoolClosed),
            Err(TryAcquireError::NoPermits) => self.wait().await,
        }
    }

    async fn wait(&self) -> Result<Place, Error> {
        let begun = Instant::now();
        let free = Arc::clone(&self.0.free).acquire_owned();
        let Ok(place) = timeout(ACQUIRE_TIMEOUT, free).await else {
            self.0.waits.timed_out();
            return Err(Error::PoolTimedOut);
        };
        self.0.waits.ended(begun.elapsed());
        place.map_err(|_| Error::PoolClosed)
    }

    /// Returns the number of places.
    pub(super) fn limit(&self) -> usize {
        usize::try_from(self.0.limit).unwrap_or(usize::MAX)
    }

    /// Returns the number of places that are taken.
    pub(super) fn used(&self) -> usize {
        self.limit().saturating_sub(self.0.free.available_permits())
    }

    /// Returns the waits for a place.
    pub(super) fn waits(&self) -> &WaitMeasure {
        &self.0.waits
    }

    /// Waits until the running statements have ended, and refuses later ones.
    pub(super) async fn close(&self) {
        // Later calls wait behind this one, until they are refused.
        let all = self.0.free.acquire_many(self.0.limit).await;
        self.0.free.close();
        drop(all);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn call_waits_for_a_place_up_to_the_limit() {
        let places = Places::new(1);
        let place = places.take().await.unwrap();
        assert!(matches!(places.take().await, Err(Error::PoolTimedOut)));
        assert_eq!((places.waits().timeouts.get(), places.used()), (1, 1));
        drop(place);
        drop(places.take().await.unwrap());
    }

    #[tokio::test]
    async fn closing_waits_for_running_statements() {
        let places = Places::new(2);
        let place = places.take().await.unwrap();
        let mut closing = std::pin::pin!(places.close());
        assert!(futures_util::poll!(&mut closing).is_pending());
        drop(place);
        closing.await;
        assert!(matches!(places.take().await, Err(Error::PoolClosed)));
    }
}
