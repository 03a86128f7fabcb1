//! Limit of waiting calls. A call waits for the rest of its request, for room for its answer, or as a silent stream.
//! The bytes of requests that wait for room are limited in the same way.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::Poll;

/// Pool of places that all connections share.
#[derive(Clone, Debug)]
pub(super) struct WaitPool(Arc<Places>);

/// Places of a pool. More places may be taken than there are, after a [`WaitPool::resize`].
#[derive(Debug)]
struct Places {
    size: AtomicUsize,
    taken: AtomicUsize,
}

/// Share of one connection: at most as many places as are still free.
///
/// One connection alone can take half of the places. Several busy connections approach equal numbers as places are
/// released.
#[derive(Debug)]
pub(super) struct WaitShare {
    pool: WaitPool,
    taken: AtomicUsize,
}

/// Place of one call, released when it is dropped.
#[derive(Debug)]
pub(super) struct WaitPermit(Arc<WaitShare>);

impl WaitPool {
    pub(super) fn new(places: usize) -> Self {
        Self(Arc::new(Places { size: AtomicUsize::new(places), taken: AtomicUsize::new(0) }))
    }

    /// Returns the number of places.
    pub(super) fn size(&self) -> usize {
        self.0.size.load(Relaxed)
    }

    /// Returns the number of taken places.
    pub(super) fn taken(&self) -> usize {
        self.0.taken.load(Relaxed)
    }

    /// Changes the number of places. Taken places stay taken.
    pub(super) fn resize(&self, places: usize) {
        self.0.size.store(places, Relaxed);
    }

    /// Opens the share of a new connection.
    pub(super) fn open_share(&self) -> Arc<WaitShare> {
        Arc::new(WaitShare { pool: self.clone(), taken: AtomicUsize::new(0) })
    }
}

impl WaitShare {
    /// Returns the future's output; `None` if the future must wait and there is no place.
    pub(super) async fn wait<O>(self: &Arc<Self>, future: impl Future<Output = O>) -> Option<O> {
        let mut future = pin!(future);
        if let Poll::Ready(output) = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await {
            return Some(output);
        }
        let _place = self.enter()?;
        Some(future.await)
    }

    /// Returns a place for a call; `None` if the connection has used its share.
    pub(super) fn enter(self: &Arc<Self>) -> Option<WaitPermit> {
        self.take(1).then(|| WaitPermit(Arc::clone(self)))
    }

    /// Takes this number of places if each of them could be taken in turn. Otherwise takes none and returns false.
    pub(super) fn take(&self, places: usize) -> bool {
        // For the last place: `free - (places - 1) >= taken + places`.
        let needed = self.taken.load(Relaxed) + (2 * places).saturating_sub(1);
        let size = self.pool.size();
        let take = |taken: usize| (size.saturating_sub(taken) >= needed).then(|| taken + places);
        let taken = places == 0 || self.pool.0.taken.fetch_update(Relaxed, Relaxed, take).is_ok();
        if taken {
            self.taken.fetch_add(places, Relaxed);
        }
        taken
    }

    /// Releases this number of places.
    pub(super) fn give_back(&self, places: usize) {
        self.taken.fetch_sub(places, Relaxed);
        self.pool.0.taken.fetch_sub(places, Relaxed);
    }
}

impl Drop for WaitPermit {
    fn drop(&mut self) {
        self.0.give_back(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enter_all(share: &Arc<WaitShare>) -> Vec<WaitPermit> {
        std::iter::from_fn(|| share.enter()).collect()
    }

    #[test]
    fn connections_share_the_places() {
        let waiting = WaitPool::new(100);
        let shares = [(); 3].map(|()| waiting.open_share());
        let first = enter_all(&shares[0]);
        assert_eq!(first.len(), 50, "one connection leaves half of the places");
        let second = enter_all(&shares[1]);
        assert_eq!(second.len(), 25);
        assert!(!enter_all(&shares[2]).is_empty(), "a new connection finds a place");
        assert!(shares[0].enter().is_none());
        drop((first, second));
        assert_eq!(waiting.taken(), 0);
    }

    #[test]
    fn smaller_pool_keeps_its_taken_places() {
        let pool = WaitPool::new(100);
        let share = pool.open_share();
        let mut places = enter_all(&share);
        pool.resize(50);
        assert!(share.enter().is_none());
        assert_eq!(pool.taken(), 50);
        places.clear();
        assert_eq!(enter_all(&share).len(), 25);
    }

    #[tokio::test]
    async fn future_that_is_ready_needs_no_place() {
        let share = WaitPool::new(0).open_share();
        assert_eq!(share.wait(async { 7 }).await, Some(7));
        assert_eq!(share.wait(std::future::pending::<()>()).await, None);
    }
}
