//! Body of a request. Each message is read once there is room for it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use h2::RecvStream;
use http_body::{Body, Frame};
use tokio::time::{Sleep, sleep};
use tonic::Status;

use super::call::CallMemory;
use super::floor::Floor;
use super::framing::{Framing, ORDINARY_MESSAGE_BYTES};
use super::window::WaitingData;

/// Time for which data without a place may occupy the window that others need. After that the request is refused.
const CROWDED_TIMEOUT: Duration = Duration::from_millis(250);

/// Body of a request.
pub(super) struct Incoming {
    stream: RecvStream,
    call: Arc<CallMemory>,
    framing: Framing,
    /// Part of the first message that arrived before the call.
    part: Vec<u8>,
    /// Data that arrived before the call and has its room.
    first: Option<Received>,
    /// Data that arrived before there was room for its message.
    waiting: Option<(Received, RoomFuture)>,
    /// Data that arrived after `waiting`: at most the stream's window. It is copied, because its frames may be small.
    behind: Vec<u8>,
    /// Counter of `waiting` and `behind`.
    waits: WaitingData,
    /// Timer that runs while there is no place for waiting data.
    crowded: Option<Pin<Box<Sleep>>>,
    /// Pace of a large message under way.
    floor: Option<Floor>,
    is_read: bool,
}

/// Future that waits for room for a message.
type RoomFuture = BoxFuture<'static, Result<(), Status>>;

/// Data of a request.
struct Received {
    data: Bytes,
    /// Bytes that still count against the peer's window.
    held: usize,
}

impl Incoming {
    /// Reads a request. `inflated` is the largest size of a message after its decompression, if the messages may be
    /// compressed.
    pub(super) fn new(stream: RecvStream, call: Arc<CallMemory>, inflated: Option<usize>) -> Self {
        let framing = Framing::new(inflated);
        let (part, first, waiting, behind, crowded, floor) = Default::default();
        let waits = call.waits();
        Self { stream, call, framing, part, first, waiting, behind, waits, crowded, floor, is_read: false }
    }

    /// Waits for the first message before the call starts: for a whole small one, or for the start of a large one and
    /// its room. Also completes at the end of the request.
    ///
    /// # Errors
    /// Fails if the message is refused or the request fails.
    pub(super) fn poll_first(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Status>> {
        while self.first.is_none() {
            if let Some((received, room)) = self.waiting.take() {
                self.first = Some(ready!(self.poll_room(received, room, cx))?);
                break;
            }
            let Some(data) = ready!(self.stream.poll_data(cx)) else {
                self.is_read = true;
                break;
            };
            self.gather(&data.map_err(status)?)?;
        }
        Poll::Ready(Ok(()))
    }

    /// Adds data to the first message.
    fn gather(&mut self, data: &Bytes) -> Result<(), Status> {
        let large = self.framing.follow(data).filter(|length| *length > ORDINARY_MESSAGE_BYTES);
        if large.is_none() && !self.framing.has_ended() {
            // A copy, because the data is a slice of the connection's buffer and would keep all of it in memory.
            self.part.extend_from_slice(data);
            return self.stream.flow_control().release_capacity(data.len()).map_err(status);
        }
        let received = Received { held: data.len(), data: self.join(data) };
        match large {
            Some(length) => self.waiting = Some((received, self.reserve(length))),
            None => self.first = Some(received),
        }
        Ok(())
    }

    /// Future that waits for room for a message. Returns its data.
    fn poll_room(
        &mut self,
        received: Received,
        mut room: RoomFuture,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Received, Status>> {
        match room.as_mut().poll(cx) {
            Poll::Ready(granted) => {
                granted?;
                self.crowded = None;
                self.floor = Some(Floor::pressed());
                Poll::Ready(Ok(received))
            }
            Poll::Pending => {
                self.read_behind(received.held, cx)?;
                self.waiting = Some((received, room));
                Poll::Pending
            }
        }
    }

    /// Reads data that arrives while a message waits, so that the connection's window grows by it. Data without a place
    /// stays in the window for a moment, which slows the peer down.
    fn read_behind(&mut self, held: usize, cx: &mut Context<'_>) -> Result<(), Status> {
        loop {
            if !self.waits.grow_to(held + self.behind.len()) {
                let crowded = self.crowded.get_or_insert_with(|| Box::pin(sleep(CROWDED_TIMEOUT)));
                return match crowded.as_mut().poll(cx) {
                    Poll::Ready(()) => Err(self.call.overloaded()),
                    Poll::Pending => Ok(()),
                };
            }
            self.crowded = None;
            if self.is_read {
                return Ok(());
            }
            match self.stream.poll_data(cx) {
                Poll::Ready(Some(data)) => self.behind.extend_from_slice(&data.map_err(status)?),
                Poll::Ready(None) => self.is_read = true,
                Poll::Pending => return Ok(()),
            }
        }
    }

    /// Joins the earlier part of the message with this data.
    fn join(&mut self, data: &Bytes) -> Bytes {
        let part = std::mem::take(&mut self.part);
        if part.is_empty() { data.clone() } else { [&part[..], data].concat().into() }
    }

    fn reserve(&self, length: usize) -> RoomFuture {
        Box::pin(Arc::clone(&self.call).reserve_request(length))
    }

    /// Hands data on, and lets the peer send as much again.
    fn hand_on(&mut self, Received { data, held }: Received) -> Result<Frame<Bytes>, Status> {
        self.waits.shrink_by(held);
        self.stream.flow_control().release_capacity(held).map_err(status)?;
        if self.framing.is_between() {
            self.floor = None;
        } else if let Some(floor) = &mut self.floor {
            floor.moved(data.len());
        }
        Ok(Frame::data(data))
    }

    /// Hands data on once there is room for the message that starts in it.
    fn take(&mut self, data: Bytes, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let large = self.framing.follow(&data).filter(|length| *length > ORDINARY_MESSAGE_BYTES);
        let received = Received { held: data.len(), data };
        let Some(length) = large else { return Poll::Ready(Some(self.hand_on(received))) };
        let room = self.reserve(length);
        let received = ready!(self.poll_room(received, room, cx));
        Poll::Ready(Some(received.and_then(|received| self.hand_on(received))))
    }

    /// Completes with a refusal once the peer sends a large message too slowly while others wait for its room.
    fn poll_pace(&mut self, cx: &mut Context<'_>) -> Poll<Status> {
        let Some(floor) = &mut self.floor else { return Poll::Pending };
        let requests = self.call.requests();
        floor.poll_fall(cx, || requests.is_pressed()).map(|()| {
            requests.offend();
            self.call.overloaded()
        })
    }
}

/// Converts the error of a stream that the peer or the transport has ended.
fn status(error: h2::Error) -> Status {
    Status::from_error(Box::new(error))
}

impl Body for Incoming {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.get_mut();
        if let Some(first) = this.first.take() {
            return Poll::Ready(Some(this.hand_on(first)));
        }
        if !this.part.is_empty() {
            let data = std::mem::take(&mut this.part).into();
            return Poll::Ready(Some(this.hand_on(Received { data, held: 0 })));
        }
        if let Some((received, room)) = this.waiting.take() {
            let received = ready!(this.poll_room(received, room, cx));
            return Poll::Ready(Some(received.and_then(|received| this.hand_on(received))));
        }
        if !this.behind.is_empty() {
            let behind = std::mem::take(&mut this.behind).into();
            return this.take(behind, cx);
        }
        if !this.is_read {
            match this.stream.poll_data(cx) {
                Poll::Ready(Some(Ok(data))) => return this.take(data, cx),
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(status(error)))),
                Poll::Ready(None) => this.is_read = true,
                Poll::Pending => return this.poll_pace(cx).map(|refusal| Some(Err(refusal))),
            }
        }
        match ready!(this.stream.poll_trailers(cx)) {
            Ok(trailers) => Poll::Ready(trailers.map(|trailers| Ok(Frame::trailers(trailers)))),
            Err(error) => Poll::Ready(Some(Err(status(error)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        let has_more =
            self.first.is_some() || !self.part.is_empty() || self.waiting.is_some() || !self.behind.is_empty();
        !has_more && self.stream.is_end_stream()
    }
}
