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

/// New connections that may wait for a seat.
const MAX_QUEUE: usize = 64;

/// Seats of all connections of a server.
#[derive(Clone, Debug)]
pub(super) struct Seats(Arc<SeatTable>);

#[derive(Debug)]
struct SeatTable {
    room: Arc<Semaphore>,
    /// Seats for operators while the others are taken.
    reserve: Arc<Semaphore>,
    queue: Arc<Semaphore>,
    /// Held by the new connection that makes room, so that one seat is freed for each.
    turn: tokio::sync::Mutex<()>,
    next: AtomicU64,
    taken: Mutex<BTreeMap<u64, Arc<Seat>>>,
}

/// Kind of a connection's peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PeerKind {
    /// Any caller.
    Caller,
    /// Peer in the operators' networks, which gets a reserved seat if all others are taken.
    Operator,
}

/// Seat of one connection.
#[derive(Debug)]
pub(super) struct Seat {
    state: Mutex<SeatState>,
    is_reserved: bool,
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

/// Place of a new connection that waits for a seat, released when it is dropped.
#[derive(Debug)]
pub(super) struct QueuePermit {
    seats: Seats,
    kind: PeerKind,
    _place: OwnedSemaphorePermit,
}

/// Open stream of a connection, counted until it is dropped.
#[derive(Debug)]
pub(super) struct OpenStream(Arc<Seat>);

impl Seats {
    /// Creates this number of seats, and of reserved ones.
    pub(super) fn new(most: usize, reserved: usize) -> Self {
        let [room, reserve, queue] = [most, reserved, MAX_QUEUE].map(|seats| Arc::new(Semaphore::new(seats)));
        let (turn, next, taken) = Default::default();
        Self(Arc::new(SeatTable { room, reserve, queue, turn, next, taken }))
    }

    /// Returns a seat for a new connection; `None` if all are taken.
    pub(super) fn try_take(&self, kind: PeerKind) -> Option<SeatPermit> {
        let ordinary = Arc::clone(&self.0.room).try_acquire_owned().ok();
        if let Some(room) = ordinary {
            return Some(self.sit(room, false));
        }
        let reserve = || Arc::clone(&self.0.reserve).try_acquire_owned().ok();
        let room = (kind == PeerKind::Operator).then(reserve).flatten()?;
        Some(self.sit(room, true))
    }

    /// Returns a place in the queue for a seat. Waits while the queue is full and moving. Returns `None` if no
    /// connection may be closed.
    pub(super) async fn enter_queue(&self, kind: PeerKind) -> Option<QueuePermit> {
        loop {
            let place = timeout(ROOM_INTERVAL, Arc::clone(&self.0.queue).acquire_owned()).await;
            if let Ok(place) = place {
                // The semaphore is never closed.
                return Some(QueuePermit { seats: self.clone(), kind, _place: place.ok()? });
            }
            if !self.may_make_room(kind) {
                return None;
            }
        }
    }

    /// Closes one connection: the oldest one without a call, otherwise the longest idle one, otherwise the one with the
    /// oldest open streams.
    pub(super) fn make_room(&self, kind: PeerKind) {
        let taken = self.taken();
        let now = Instant::now();
        let standing = taken.values().filter(|seat| seat.frees_room_for(kind) && !seat.cut.is_cancelled());
        let may_go = standing.map(|seat| (seat, seat.read())).filter(|(_, state)| state.may_go(now));
        if let Some((seat, _)) = may_go.min_by_key(|(_, state)| (state.open > 0, state.has_called, state.since)) {
            seat.cut.cancel();
        }
    }

    /// Returns true if a connection is about to end, or may be closed.
    fn may_make_room(&self, kind: PeerKind) -> bool {
        let now = Instant::now();
        let taken = self.taken();
        let mut seats = taken.values().filter(|seat| seat.frees_room_for(kind));
        seats.any(|seat| seat.cut.is_cancelled() || seat.read().may_go(now))
    }

    fn sit(&self, room: OwnedSemaphorePermit, is_reserved: bool) -> SeatPermit {
        let id = self.0.next.fetch_add(1, Relaxed);
        let state = SeatState { has_called: false, open: 0, since: Instant::now() };
        let seat = Arc::new(Seat {
            state: Mutex::new(state),
            is_reserved,
            cut: Shutdown::new(),
            is_offender: AtomicBool::new(false),
            quiet: Notify::new(),
        });
        self.taken().insert(id, Arc::clone(&seat));
        SeatPermit { seat, id, seats: self.clone(), _room: room }
    }

    fn taken(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Seat>>> {
        self.0.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl QueuePermit {
    /// Makes room, and waits for a seat.
    pub(super) async fn take(self) -> SeatPermit {
        let Self { seats, kind, .. } = &self;
        let table = &seats.0;
        let _turn = table.turn.lock().await;
        loop {
            if let Some(taken) = seats.try_take(*kind) {
                return taken;
            }
            seats.make_room(*kind);
            let freed = async {
                tokio::select! {
                    room = Arc::clone(&table.room).acquire_owned() => (room, false),
                    room = Arc::clone(&table.reserve).acquire_owned(), if *kind == PeerKind::Operator => (room, true),
                }
            };
            // The semaphores are never closed.
            if let Ok((Ok(room), is_reserved)) = timeout(ROOM_INTERVAL, freed).await {
                return seats.sit(room, is_reserved);
            }
        }
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

impl SeatState {
    /// Returns true if the connection may be closed for a new one.
    fn may_go(&self, now: Instant) -> bool {
        self.open == 0 || now.duration_since(self.since) >= BUSY_KEEP_TIME
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

    /// Returns true if the seat can be given to such a peer.
    fn frees_room_for(&self, kind: PeerKind) -> bool {
        !self.is_reserved || kind == PeerKind::Operator
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
    use super::PeerKind::{Caller, Operator};
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn silent_connections_make_room_before_idle_ones() {
        let seats = Seats::new(3, 0);
        let [idle, silent, busy] = [(); 3].map(|()| seats.try_take(Caller).unwrap());
        drop(idle.seat().open());
        let running = busy.seat().open();
        assert!(seats.try_take(Caller).is_none());
        seats.make_room(Caller);
        assert!(silent.seat().cut.is_cancelled() && !idle.seat().cut.is_cancelled());
        seats.make_room(Caller);
        assert!(idle.seat().cut.is_cancelled());
        seats.make_room(Caller);
        assert!(!busy.seat().cut.is_cancelled(), "a connection with a call stays");
        let waiting = tokio::spawn(seats.enter_queue(Caller).await.unwrap().take());
        drop(silent);
        let taken = waiting.await.unwrap();
        assert!(seats.try_take(Caller).is_none());
        drop((taken, idle, running));
        assert!(seats.try_take(Caller).is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn operators_have_seats_that_callers_cannot_take() {
        let seats = Seats::new(1, 1);
        let caller = seats.try_take(Caller).unwrap();
        let _running = caller.seat().open();
        assert!(seats.try_take(Caller).is_none());
        let operator = seats.try_take(Operator).expect("the reserved seat is free");
        seats.make_room(Caller);
        assert!(!operator.seat().cut.is_cancelled(), "callers cannot use a reserved seat");
        assert!(seats.try_take(Operator).is_none());
        seats.make_room(Operator);
        assert!(operator.seat().cut.is_cancelled());
    }

    #[tokio::test(start_paused = true)]
    async fn full_queue_behind_busy_connections_is_closed() {
        let seats = Seats::new(1, 0);
        let busy = seats.try_take(Caller).unwrap();
        let running = busy.seat().open();
        let mut queue = Vec::new();
        for _ in 0..MAX_QUEUE {
            queue.push(seats.enter_queue(Caller).await.expect("the queue has places"));
        }
        assert!(seats.enter_queue(Caller).await.is_none(), "no connection may be closed");
        drop(running);
        let one_more = tokio::spawn({
            let seats = seats.clone();
            async move { seats.enter_queue(Caller).await.is_some() }
        });
        tokio::task::yield_now().await;
        queue.pop();
        assert!(one_more.await.unwrap(), "a newcomer waits if the queue moves");
    }
}
