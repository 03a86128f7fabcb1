//! The memory that one call may use for its messages.

use std::sync::{Arc, Mutex, PoisonError};

use prost::Message;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::Status;

use super::memory::{MemoryAccount, Reservation};
use super::waiting::{WaitPermit, WaitShare};
use super::window::{ConnectionWindow, WaitingData};

/// Bytes of an answer that need no reservation by the handler.
pub(super) const ORDINARY_ANSWER_BYTES: usize = 4 * 1024;

/// Bytes that a call takes besides its messages: its task, its headers, and the buffers of its decoder and encoder.
pub(super) const CALL_OVERHEAD_BYTES: usize = 16 * 1024;

/// Bytes of large answers that are made at the same time. While it is made, an answer takes memory several times: as rows, as
/// a message, and encoded.
pub(super) const MAX_ENCODING_BYTES: usize = 4 * 1024 * 1024;

/// The beginning of the paths of gRPC's standard services: health and reflection.
const STANDARD_PREFIX: &str = "/grpc.";

/// The unit of [`MAX_ENCODING_BYTES`]'s permits in bytes.
const PERMIT_BYTES: usize = 1024;

/// The memory that the calls of a connection share with all others.
#[derive(Clone, Debug)]
pub(super) struct Shares {
    pub(super) requests: Arc<MemoryAccount>,
    pub(super) answers: Arc<MemoryAccount>,
    /// A permit for each KiB of [`MAX_ENCODING_BYTES`].
    pub(super) making: Arc<Semaphore>,
    pub(super) waiting: Arc<WaitShare>,
    pub(super) window: Arc<ConnectionWindow>,
    /// Streams of the service, and those that everybody may call.
    pub(super) streams: Arc<WaitShare>,
    pub(super) public_streams: Arc<WaitShare>,
}

/// The memory of a call: its request's and its answer's. It is given back at the call's end.
#[derive(Debug)]
pub(super) struct CallMemory {
    shares: Shares,
    request: Mutex<Option<Reservation>>,
    answer: Mutex<Option<Reservation>>,
    /// Held from the reservation of a large answer until it is encoded.
    making: Mutex<Option<OwnedSemaphorePermit>>,
    is_public: bool,
    /// Held by a stream that has nothing to say.
    place: Mutex<Option<WaitPermit>>,
    overloaded: fn() -> Status,
}

/// Returns the permits for the bytes of [`MAX_ENCODING_BYTES`].
pub(super) fn making() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(MAX_ENCODING_BYTES / PERMIT_BYTES))
}

impl CallMemory {
    /// Begins a call of the method at this path.
    pub(super) fn new(shares: Shares, path: &str, overloaded: fn() -> Status) -> Arc<Self> {
        let (request, answer, making, place) = Default::default();
        Arc::new(Self {
            shares,
            request,
            answer,
            making,
            is_public: path.starts_with(STANDARD_PREFIX),
            place,
            overloaded,
        })
    }

    /// Takes a place for a stream until the call ends; reports whether there was one.
    pub(super) fn stay(&self) -> bool {
        let line = if self.is_public { &self.shares.public_streams } else { &self.shares.streams };
        let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        if place.is_none() {
            *place = line.enter();
        }
        place.is_some()
    }

    /// WaitingData until there is room for an ordinary answer; reports whether there is, which there is not if too many wait.
    pub(super) async fn begin(&self) -> bool {
        let hold = self.shares.answers.reserve(ORDINARY_ANSWER_BYTES).await;
        let has_room = hold.is_some();
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = hold;
        has_room
    }

    /// Reserves room for a request's message, in place of the message before.
    ///
    /// # Errors
    /// The refusal of a call that must not wait.
    pub(super) async fn reserve_request(self: Arc<Self>, bytes: usize) -> Result<(), Status> {
        drop(self.request.lock().unwrap_or_else(PoisonError::into_inner).take());
        let hold = self
            .shares
            .requests
            .reserve(bytes.saturating_add(CALL_OVERHEAD_BYTES))
            .await
            .ok_or_else(self.overloaded)?;
        *self.request.lock().unwrap_or_else(PoisonError::into_inner) = Some(hold);
        Ok(())
    }

    /// WaitingData for room for an answer of so many bytes, and for the turn to make it; `None` if too many wait.
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

    /// Gives back the room of the request, which has been answered.
    pub(super) fn release_request(&self) {
        drop(self.request.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Gives back what was reserved for an answer that has not begun.
    pub(super) fn release_answer(&self) {
        drop(self.answer.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// Returns the refusal of a call without room.
    pub(super) fn overloaded(&self) -> Status {
        (self.overloaded)()
    }

    /// Returns what was reserved for the answer, as a reservation of so many bytes; `None` without room for them.
    pub(super) fn hold_answer(&self, bytes: usize) -> Option<Reservation> {
        drop(self.making.lock().unwrap_or_else(PoisonError::into_inner).take());
        let reserved = self.answer.lock().unwrap_or_else(PoisonError::into_inner).take();
        match reserved {
            Some(mut hold) => hold.resize(bytes).then_some(hold),
            None => self.shares.answers.try_reserve(bytes),
        }
    }

    /// The connection's account for requests.
    pub(super) fn requests(&self) -> &Arc<MemoryAccount> {
        &self.shares.requests
    }

    /// Returns the count of the request's data that waits for room.
    pub(super) fn waits(&self) -> WaitingData {
        WaitingData::new(Arc::clone(&self.shares.window))
    }

    /// The connection's account for answers.
    pub(super) fn answers(&self) -> &Arc<MemoryAccount> {
        &self.shares.answers
    }
}

/// Room for a large answer. A handler reserves it before it reads what it answers.
///
/// Answers above 4 KiB without a reservation are sent while there happens to be room, and refused otherwise.
#[derive(Clone, Debug)]
pub struct Room(Option<Arc<CallMemory>>);

impl Room {
    pub(super) fn new(call: Arc<CallMemory>) -> Self {
        Self(Some(call))
    }

    /// Returns the room of the call that this request began. A request that no server has received has unlimited room.
    pub fn from_request<T>(request: &tonic::Request<T>) -> Self {
        request.extensions().get().cloned().unwrap_or(Self(None))
    }

    /// WaitingData until an answer of at most so many bytes has room.
    ///
    /// # Errors
    /// `RESOURCE_EXHAUSTED`, `OVERLOADED`, if too many answers of the connection wait already.
    pub async fn reserve(&self, bytes: usize) -> Result<(), Status> {
        let Some(call) = self.0.as_deref().filter(|_| bytes > ORDINARY_ANSWER_BYTES) else { return Ok(()) };
        drop(call.answer.lock().unwrap_or_else(PoisonError::into_inner).take());
        call.shares.waiting.wait(call.reserve_answer(bytes)).await.flatten().ok_or_else(call.overloaded)
    }

    /// Returns what `read` reads, of a size that is not known before. Without room for it, waits for room and reads again.
    ///
    /// # Errors
    /// The error of `read`, and that of [`Room::reserve`].
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

    /// Makes room for an answer of so many bytes if there is any now.
    fn has(&self, bytes: usize) -> bool {
        let Some(call) = self.0.as_deref() else { return true };
        if bytes <= ORDINARY_ANSWER_BYTES {
            return true;
        }
        let mut reserved = call.answer.lock().unwrap_or_else(PoisonError::into_inner);
        reserved.as_mut().is_some_and(|hold| hold.resize(bytes + ORDINARY_ANSWER_BYTES))
    }
}
