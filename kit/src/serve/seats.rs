//! Seats of a server's connections. Their number is limited; silent and idle connections make room for new ones.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use crate::shutdown::Shutdown;

/// Pause between two attempts to make room.
const ROOM_INTERVAL: Duration = Duration::from_millis(100);

/// Time after which open streams no longer protect a connection of a full server.
const BUSY_KEEP_TIME: Duration = Duration::from_secs(15);

/// Seats of all connections of a server.
#[derive(Clone, Debug)]
pub(super) struct Seats(Arc<SeatTable>);

#[derive(Debug)]
struct SeatTable {
    room: Arc<Semaphore>,
    next: AtomicU64,
    taken: Mutex<BTreeMap<u64, Arc<Seat>>>,
}

/// Seat of one connection.
#[derive(Debug)]
pub(super) struct Seat {
    state: Mutex<SeatState>,
    /// Cancelled when the connection must end.
    pub(super) cut: Shutdown,
    /// Set when the connection must end because its peer does not read.
    is_offender: AtomicBool,
    /// Notified when the connection's last stream has ended.
    pub(super) quiet: Notify,
}

#[derive(Clone, Copy, Debug)]
struct SeatState {
    has_called: bool,
    open: usize,
    /// Time of the last change: the accept, or the start or end of a stream.
    since: Instant,
}

/// Permit for a seat, released when it is dropped.
#[derive(Debug)]
pub(super) struct SeatPermit {
    seat: Arc<Seat>,
    id: u64,
    seats: Seats,
    _room: OwnedSemaphorePermit,
}

/// Open stream of a connection, counted until it is dropped.
#[derive(Debug)]
pub(super) struct OpenStream(Arc<Seat>);

impl Seats {
    pub(super) fn new(most: usize) -> Self {
        let room = Arc::new(Semaphore::new(most));
        Self(Arc::new(SeatTable { room, next: AtomicU64::new(0), taken: Mutex::default() }))
    }

    /// Returns a seat for a new connection. If all are taken, makes room and waits.
    pub(super) async fn take(&self) -> SeatPermit {
        let room = loop {
            if let Ok(room) = Arc::clone(&self.0.room).try_acquire_owned() {
                break room;
            }
            self.make_room();
            // The semaphore is never closed.
            if let Ok(Ok(room)) = timeout(ROOM_INTERVAL, Arc::clone(&self.0.room).acquire_owned()).await {
                break room;
            }
        };
        let id = self.0.next.fetch_add(1, Relaxed);
        let state = SeatState { has_called: false, open: 0, since: Instant::now() };
        let seat = Arc::new(Seat {
            state: Mutex::new(state),
            cut: Shutdown::new(),
            is_offender: AtomicBool::new(false),
            quiet: Notify::new(),
        });
        self.taken().insert(id, Arc::clone(&seat));
        SeatPermit { seat, id, seats: self.clone(), _room: room }
    }

    /// Closes one connection: the oldest one without a call, otherwise the longest idle one, otherwise the one with the
    /// oldest open streams.
    pub(super) fn make_room(&self) {
        let taken = self.taken();
        let standing = taken.values().filter(|seat| !seat.cut.is_cancelled()).map(|seat| (seat, seat.read()));
        let now = Instant::now();
        let may_go = standing.filter(|(_, state)| state.open == 0 || now.duration_since(state.since) >= BUSY_KEEP_TIME);
        if let Some((seat, _)) = may_go.min_by_key(|(_, state)| (state.open > 0, state.has_called, state.since)) {
            seat.cut.cancel();
        }
    }

    /// Returns true if all seats are taken.
    pub(super) fn are_full(&self) -> bool {
        self.0.room.available_permits() == 0
    }

    fn taken(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Seat>>> {
        self.0.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SeatPermit {
    /// Returns the seat.
    pub(super) fn seat(&self) -> &Arc<Seat> {
        &self.seat
    }
}

impl Drop for SeatPermit {
    fn drop(&mut self) {
        self.seats.taken().remove(&self.id);
    }
}

impl Seat {
    /// Counts a stream until the returned value is dropped.
    pub(super) fn open(self: &Arc<Self>) -> OpenStream {
        let mut state = self.state();
        *state = SeatState { has_called: true, open: state.open + 1, since: Instant::now() };
        OpenStream(Arc::clone(self))
    }

    /// Ends the connection of a peer that does not read.
    pub(super) fn expel(&self) {
        self.is_offender.store(true, Relaxed);
        self.cut.cancel();
    }

    /// Returns true if the connection must end because its peer does not read.
    pub(super) fn is_offender(&self) -> bool {
        self.is_offender.load(Relaxed)
    }

    /// Returns true if the connection has had a call.
    pub(super) fn has_called(&self) -> bool {
        self.read().has_called
    }

    /// Returns the time since which no stream is open; `None` while one is.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        let state = self.read();
        (state.open == 0).then_some(state.since)
    }

    fn read(&self) -> SeatState {
        *self.state()
    }

    fn state(&self) -> MutexGuard<'_, SeatState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        let mut state = self.0.state();
        *state = SeatState { open: state.open - 1, since: Instant::now(), ..*state };
        let is_last = state.open == 0;
        drop(state);
        if is_last {
            self.0.quiet.notify_one();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn silent_connections_make_room_before_idle_ones() {
        let seats = Seats::new(3);
        let (idle, silent, busy) = (seats.take().await, seats.take().await, seats.take().await);
        drop(idle.seat().open());
        let running = busy.seat().open();
        assert!(seats.are_full());
        seats.make_room();
        assert!(silent.seat().cut.is_cancelled() && !idle.seat().cut.is_cancelled());
        seats.make_room();
        assert!(idle.seat().cut.is_cancelled());
        seats.make_room();
        assert!(!busy.seat().cut.is_cancelled(), "a connection with a call stays");
        let waiting = tokio::spawn({
            let seats = seats.clone();
            async move { seats.take().await }
        });
        drop(silent);
        let taken = waiting.await.unwrap();
        assert!(seats.are_full());
        drop((taken, idle, running));
        assert!(!seats.are_full());
    }
}
