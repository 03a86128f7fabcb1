//! Window of a connection, which grows by the data that waits for room.
//!
//! Waiting data would otherwise fill the window, and requests with room could not get the rest of their data. Half of
//! the connection's own window is for waiting data. More comes from a pool of bytes that all connections share.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Context;

use futures_util::task::AtomicWaker;

use super::waiting::WaitShare;

/// Number of parts of the connection's own window. Waiting data may fill one part.
const OWN_WINDOW_DIVISOR: usize = 2;

/// Window of one connection.
#[derive(Debug)]
pub(super) struct ConnectionWindow {
    /// Bytes of the window without growth.
    size: u32,
    /// Share of the bytes that windows may grow.
    shared: Arc<WaitShare>,
    /// Bytes of waiting data.
    waiting: Mutex<usize>,
    /// Bytes that the window must grow.
    growth: AtomicUsize,
    /// Growth that the connection has applied.
    known: AtomicUsize,
    connection: AtomicWaker,
}

/// Counter of one request's data that waits, or has waited and is not handed on yet.
#[derive(Debug)]
pub(super) struct WaitingData {
    window: Arc<ConnectionWindow>,
    bytes: usize,
}

impl ConnectionWindow {
    /// Creates a window of this size, which may grow by a share of these bytes.
    pub(super) fn new(size: u32, shared: Arc<WaitShare>) -> Arc<Self> {
        let (waiting, growth, known, connection) = Default::default();
        Arc::new(Self { size, shared, waiting, growth, known, connection })
    }

    /// Returns the new size of the window if it has changed. Wakes the task when the window grows.
    pub(super) fn poll_change(&self, cx: &Context<'_>) -> Option<u32> {
        self.connection.register(cx.waker());
        let growth = self.growth.load(Relaxed);
        let is_known = self.known.swap(growth, Relaxed) == growth;
        (!is_known).then(|| self.size.saturating_add(u32::try_from(growth).unwrap_or(u32::MAX)))
    }

    /// Adds waiting data. Returns false if there is no place for it.
    fn add(&self, bytes: usize) -> bool {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let more = self.growth_for(*waiting + bytes) - self.growth_for(*waiting);
        if !self.shared.take(more) {
            return false;
        }
        *waiting += bytes;
        self.growth.fetch_add(more, Relaxed);
        drop(waiting);
        if more > 0 {
            self.connection.wake();
        }
        true
    }

    fn remove(&self, bytes: usize) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let less = self.growth_for(*waiting) - self.growth_for(*waiting - bytes);
        *waiting -= bytes;
        self.growth.fetch_sub(less, Relaxed);
        self.shared.give_back(less);
    }

    /// Returns the growth for this number of waiting bytes.
    fn growth_for(&self, waiting: usize) -> usize {
        let own = usize::try_from(self.size).unwrap_or(usize::MAX) / OWN_WINDOW_DIVISOR;
        waiting.saturating_sub(own)
    }
}

impl WaitingData {
    /// Starts at zero.
    pub(super) fn new(window: Arc<ConnectionWindow>) -> Self {
        Self { window, bytes: 0 }
    }

    /// Raises the count to this number of bytes. Returns false if there is no place for them.
    pub(super) fn grow_to(&mut self, bytes: usize) -> bool {
        let has_place = bytes <= self.bytes || self.window.add(bytes - self.bytes);
        if has_place {
            self.bytes = self.bytes.max(bytes);
        }
        has_place
    }

    /// Lowers the count, before the transport lets the peer send as much again. Data that never waited does not count.
    pub(super) fn shrink_by(&mut self, bytes: usize) {
        let bytes = bytes.min(self.bytes);
        if bytes > 0 {
            self.window.remove(bytes);
            self.bytes -= bytes;
        }
    }
}

impl Drop for WaitingData {
    fn drop(&mut self) {
        self.shrink_by(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::super::waiting::WaitPool;
    use super::*;

    fn change(window: &ConnectionWindow) -> Option<u32> {
        window.poll_change(&Context::from_waker(Waker::noop()))
    }

    #[test]
    fn window_grows_and_shrinks_with_the_data_that_waits() {
        let window = ConnectionWindow::new(100, WaitPool::new(1000).open_share());
        let [mut one, mut two] = [(); 2].map(|()| WaitingData::new(Arc::clone(&window)));
        assert!(one.grow_to(50));
        assert_eq!(change(&window), None, "half of the window is for data that waits");
        assert!(two.grow_to(30) && one.grow_to(40));
        assert_eq!((change(&window), change(&window)), (Some(130), None));
        one.shrink_by(20);
        assert_eq!(change(&window), Some(110));
        one.shrink_by(100);
        assert_eq!(change(&window), Some(100), "no more than the waiting data is removed");
        assert!(two.grow_to(60));
        drop(two);
        assert_eq!(*window.waiting.lock().unwrap(), 0);
    }

    #[test]
    fn growth_comes_from_bytes_that_connections_share() {
        let shared = WaitPool::new(100);
        let windows = [(); 2].map(|()| ConnectionWindow::new(20, shared.open_share()));
        let [mut one, mut two] = windows.map(WaitingData::new);
        assert!(!one.grow_to(61), "one connection gets half of the bytes");
        assert!(one.grow_to(60));
        assert!(two.grow_to(35) && !two.grow_to(36), "the next connection gets half of the rest");
        drop(one);
        assert!(two.grow_to(60));
    }
}
