//! Memory of one call for its messages.

use std::sync::{Arc, Mutex, PoisonError};

use prost::Message;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::Status;

use super::lanes::{Lane, LaneShare, LaneShares};
use super::memory::{MemoryAccount, Reservation};
use super::refusals::Refusals;
use super::waiting::{WaitPermit, WaitShare};
use super::window::{ConnectionWindow, WaitingData};

/// Bytes of an answer for which a handler needs no reservation.
pub(super) const ORDINARY_ANSWER_BYTES: usize = 4 * 1024;

/// Bytes of a call besides its messages: its task, its headers, and the buffers of its decoder and encoder.
pub(super) const CALL_OVERHEAD_BYTES: usize = 16 * 1024;

/// Bytes of large answers that may be built at the same time. An answer is then in memory several times: as rows, as a
/// message, and encoded.
pub(super) const MAX_ENCODING_BYTES: usize = 4 * 1024 * 1024;

/// Prefix of the paths of gRPC's standard services: health and reflection.
const STANDARD_PREFIX: &str = "/grpc.";

/// The unit of [`MAX_ENCODING_BYTES`]'s permits in bytes.
const PERMIT_BYTES: usize = 1024;

/// Memory and places that the calls of a connection share with all other calls.
#[derive(Debug)]
pub(super) struct Shares {
    pub(super) requests: Arc<MemoryAccount>,
    pub(super) answers: Arc<MemoryAccount>,
    /// A permit for each KiB of [`MAX_ENCODING_BYTES`].
    pub(super) making: Arc<Semaphore>,
    /// Permits for the compression of large answers.
    pub(super) compressing: Arc<Semaphore>,
    pub(super) lanes: LaneShares,
    pub(super) window: Arc<ConnectionWindow>,
    /// Places for silent streams of the service. The public services have their own.
    pub(super) streams: Arc<WaitShare>,
    pub(super) public_streams: Arc<WaitShare>,
}

/// Memory of a call for its request and its answer, released at the call's end.
#[derive(Debug)]
pub(super) struct CallMemory {
    shares: Arc<Shares>,
    lane: Lane,
    request: Mutex<Option<Reservation>>,
    answer: Mutex<Option<Reservation>>,
    /// Held from the reservation of a large answer until it is encoded.
    making: Mutex<Option<OwnedSemaphorePermit>>,
    is_public: bool,
    /// Held by a silent stream.
    place: Mutex<Option<WaitPermit>>,
    refusals: Refusals,
}

/// Returns the permits for the bytes of [`MAX_ENCODING_BYTES`].
pub(super) fn making() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(MAX_ENCODING_BYTES / PERMIT_BYTES))
}

impl CallMemory {
    /// Starts a call of the method at this path, in this lane.
    pub(super) fn new(shares: Arc<Shares>, path: &str, lane: Lane, refusals: Refusals) -> Arc<Self> {
        let (request, answer, making, place) = Default::default();
        Arc::new(Self {
            shares,
            lane,
            request,
            answer,
            making,
            is_public: path.starts_with(STANDARD_PREFIX),
            place,
            refusals,
        })
    }

    /// Takes a place for a silent stream until the call ends. Returns false if no place is left.
    pub(super) fn stay(&self) -> bool {
        let line = if self.is_public { &self.shares.public_streams } else { &self.shares.streams };
        let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        if place.is_none() {
            *place = line.enter();
        }
        place.is_some()
    }

    /// Returns the connection's share of the call's lane.
    pub(super) fn lane(&self) -> &LaneShare {
        &self.shares.lanes[self.lane]
    }

    /// Waits for room for an ordinary answer. Returns false if too many calls wait already.
    pub(super) async fn begin(&self) -> bool {
        let hold = self.shares.answers.reserve(ORDINARY_ANSWER_BYTES).await;
        let has_room = hold.is_some();
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = hold;
        has_room
    }

    /// Reserves room for a request's message, in place of the previous message.
    ///
    /// # Errors
    /// Refuses the call if too many calls wait already.
    pub(super) async fn reserve_request(self: Arc<Self>, bytes: usize) -> Result<(), Status> {
        drop(self.request.lock().unwrap_or_else(PoisonError::into_inner).take());
        let hold = self
            .shares
            .requests
            .reserve(bytes.saturating_add(CALL_OVERHEAD_BYTES))
            .await
            .ok_or_else(self.refusals.overloaded)?;
        *self.request.lock().unwrap_or_else(PoisonError::into_inner) = Some(hold);
        Ok(())
    }

    /// Reserves room for a message that arrived without a reservation, because its compressed form is small.
    ///
    /// # Errors
    /// Refuses the call if too many calls wait already.
    pub(super) async fn reserve_inflated(self: Arc<Self>, bytes: usize) -> Result<(), Status> {
        let room = Arc::clone(&self).reserve_request(bytes);
        self.lane().waiting.wait(room).await.unwrap_or_else(|| Err(self.overloaded()))
    }

    /// Lowers the reservation of a request to the size of its message.
    pub(super) fn shrink_request(&self, bytes: usize) {
        let mut request = self.request.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(hold) = request.as_mut() {
            let _ = hold.resize(bytes.saturating_add(CALL_OVERHEAD_BYTES).min(hold.bytes()));
        }
    }

    /// Waits for room for an answer of this size, and for the answer's turn to be built. Returns `None` if too many
    /// calls wait.
    async fn reserve_answer(&self, bytes: usize) -> Option<()> {
        let hold = self.shares.answers.reserve(bytes).await?;
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(hold);
        if !self.shares.answers.is_small(bytes) {
            let permits = u32::try_from(bytes.min(MAX_ENCODING_BYTES) / PERMIT_BYTES).unwrap_or(u32::MAX);
            let permit = Arc::clone(&self.shares.making).acquire_many_owned(permits).await.ok()?;
            *self.making.lock().unwrap_or_else(PoisonError::into_inner) = Some(permit);
        }
        Some(())
    }

    /// Releases the room of an answered request.
    pub(super) fn release_request(&self) {
        drop(self.request.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Releases the room of an answer that has not started, and the answer's turn to be built.
    pub(super) fn release_answer(&self) {
        drop(self.making.lock().unwrap_or_else(PoisonError::into_inner).take());
        drop(self.answer.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Returns the refusal of a call without room.
    pub(super) fn overloaded(&self) -> Status {
        (self.refusals.overloaded)()
    }

    /// Returns the refusals of the service.
    pub(super) fn refusals(&self) -> Refusals {
        self.refusals
    }

    /// Returns the permits for the compression of large answers.
    pub(super) fn compressing(&self) -> &Semaphore {
        &self.shares.compressing
    }

    /// Returns the answer's reservation, resized to this number of bytes; `None` if there is no room.
    pub(super) fn hold_answer(&self, bytes: usize) -> Option<Reservation> {
        drop(self.making.lock().unwrap_or_else(PoisonError::into_inner).take());
        let reserved = self.answer.lock().unwrap_or_else(PoisonError::into_inner).take();
        match reserved {
            Some(mut hold) => hold.resize(bytes).then_some(hold),
            None => self.shares.answers.try_reserve(bytes),
        }
    }

    /// Returns the connection's account for requests.
    pub(super) fn requests(&self) -> &Arc<MemoryAccount> {
        &self.shares.requests
    }

    /// Returns a counter for the request's data that waits for room.
    pub(super) fn waits(&self) -> WaitingData {
        WaitingData::new(Arc::clone(&self.shares.window))
    }

    /// Returns the connection's account for answers.
    pub(super) fn answers(&self) -> &Arc<MemoryAccount> {
        &self.shares.answers
    }
}

/// Room for a large answer. A handler reserves it before it reads the data of the answer.
///
/// An answer above 4 KiB without a reservation is sent if there is room at the moment, and refused otherwise.
#[derive(Clone, Debug)]
pub struct Room(Option<Arc<CallMemory>>);

impl Room {
    pub(super) fn new(call: Arc<CallMemory>) -> Self {
        Self(Some(call))
    }

    /// Returns the room of the request's call. A request from outside a server has unlimited room.
    pub fn from_request<T>(request: &tonic::Request<T>) -> Self {
        request.extensions().get().cloned().unwrap_or(Self(None))
    }

    /// Waits until there is room for an answer of at most this number of bytes, in place of an earlier reservation.
    ///
    /// # Errors
    /// `RESOURCE_EXHAUSTED`, `OVERLOADED`, if too many answers of the connection wait already.
    pub async fn reserve(&self, bytes: usize) -> Result<(), Status> {
        let Some(call) = self.0.as_deref().filter(|_| bytes > ORDINARY_ANSWER_BYTES) else { return Ok(()) };
        // Calls that keep an earlier reservation while they wait could wait for each other.
        call.release_answer();
        call.lane().waiting.wait(call.reserve_answer(bytes)).await.flatten().ok_or_else(call.refusals.overloaded)
    }

    /// Returns the result of `read`, of unknown size. If there is no room for it, waits for room and reads again.
    ///
    /// # Errors
    /// Returns the error of `read` or of [`Room::reserve`].
    pub async fn read<A, E, F>(&self, read: impl Fn() -> F) -> Result<A, Status>
    where
        A: Message,
        E: Into<Status>,
        F: Future<Output = Result<A, E>>,
    {
        let answer = read().await.map_err(Into::into)?;
        let bytes = answer.encoded_len();
        if self.has(bytes) {
            return Ok(answer);
        }
        drop(answer);
        self.reserve(bytes + ORDINARY_ANSWER_BYTES).await?;
        read().await.map_err(Into::into)
    }

    /// Reserves room for an answer of this number of bytes. Returns false if there is no room at the moment.
    fn has(&self, bytes: usize) -> bool {
        let Some(call) = self.0.as_deref() else { return true };
        if bytes <= ORDINARY_ANSWER_BYTES {
            return true;
        }
        let mut reserved = call.answer.lock().unwrap_or_else(PoisonError::into_inner);
        reserved.as_mut().is_some_and(|hold| hold.resize(bytes + ORDINARY_ANSWER_BYTES))
    }
}
