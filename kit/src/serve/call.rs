//! The memory that one call may use for its messages.

use std::sync::{Arc, Mutex, PoisonError};

use prost::Message;
use tonic::Status;

use super::memory::{Account, Hold};

/// Bytes of an answer that need no reservation by the handler.
pub(super) const ORDINARY_ANSWER: usize = 4 * 1024;

/// The memory of a call: its request's and its answer's. It is given back at the call's end.
#[derive(Debug)]
pub(super) struct Call {
    requests: Arc<Account>,
    answers: Arc<Account>,
    request: Mutex<Option<Hold>>,
    answer: Mutex<Option<Hold>>,
    overloaded: fn() -> Status,
}

impl Call {
    /// Begins a call as soon as there is room for an ordinary answer; `None` if too many wait already.
    pub(super) async fn begin(
        requests: Arc<Account>,
        answers: Arc<Account>,
        overloaded: fn() -> Status,
    ) -> Option<Arc<Self>> {
        let answer = Mutex::new(Some(answers.reserve(ORDINARY_ANSWER).await?));
        Some(Arc::new(Self { requests, answers, request: Mutex::default(), answer, overloaded }))
    }

    /// Reserves room for a request's message, in place of the message before.
    ///
    /// # Errors
    /// The refusal of a call that must not wait.
    pub(super) async fn reserve_request(self: Arc<Self>, bytes: usize) -> Result<(), Status> {
        drop(self.request.lock().unwrap_or_else(PoisonError::into_inner).take());
        let hold = self.requests.reserve(bytes).await.ok_or_else(self.overloaded)?;
        *self.request.lock().unwrap_or_else(PoisonError::into_inner) = Some(hold);
        Ok(())
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
    pub(super) fn hold_answer(&self, bytes: usize) -> Option<Hold> {
        let reserved = self.answer.lock().unwrap_or_else(PoisonError::into_inner).take();
        match reserved {
            Some(mut hold) => hold.resize(bytes).then_some(hold),
            None => self.answers.try_reserve(bytes),
        }
    }

    /// The connection's account for requests.
    pub(super) fn requests(&self) -> &Arc<Account> {
        &self.requests
    }

    /// The connection's account for answers.
    pub(super) fn answers(&self) -> &Arc<Account> {
        &self.answers
    }
}

/// Room for a large answer. A handler reserves it before it reads what it answers.
///
/// Answers above 4 KiB without a reservation are sent while there happens to be room, and refused otherwise.
#[derive(Clone, Debug)]
pub struct Room(Option<Arc<Call>>);

impl Room {
    pub(super) fn new(call: Arc<Call>) -> Self {
        Self(Some(call))
    }

    /// Returns the room of the call that this request began. A request that no server has received has unlimited room.
    pub fn of<T>(request: &tonic::Request<T>) -> Self {
        request.extensions().get().cloned().unwrap_or(Self(None))
    }

    /// Waits until an answer of at most so many bytes has room.
    ///
    /// # Errors
    /// `RESOURCE_EXHAUSTED`, `OVERLOADED`, if too many answers of the connection wait already.
    pub async fn reserve(&self, bytes: usize) -> Result<(), Status> {
        let Some(call) = self.0.as_deref().filter(|_| bytes > ORDINARY_ANSWER) else { return Ok(()) };
        drop(call.answer.lock().unwrap_or_else(PoisonError::into_inner).take());
        let hold = call.answers.reserve(bytes).await.ok_or_else(call.overloaded)?;
        *call.answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(hold);
        Ok(())
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
        self.reserve(bytes + ORDINARY_ANSWER).await?;
        read().await.map_err(Into::into)
    }

    /// Makes room for an answer of so many bytes if there is any now.
    fn has(&self, bytes: usize) -> bool {
        let Some(call) = self.0.as_deref() else { return true };
        if bytes <= ORDINARY_ANSWER {
            return true;
        }
        let mut reserved = call.answer.lock().unwrap_or_else(PoisonError::into_inner);
        reserved.as_mut().is_some_and(|hold| hold.resize(bytes + ORDINARY_ANSWER))
    }
}
