//! A request's body: each message is read once there is room for it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use h2::RecvStream;
use http_body::{Body, Frame};
use tonic::Status;

use super::call::Call;
use super::floor::Floor;

/// Bytes of a message that need no reservation.
const ORDINARY_MESSAGE: usize = 4 * 1024;

/// Bytes before each message (the gRPC protocol's Length-Prefixed-Message): a flag and a length of four bytes.
const PREFIX: usize = 5;

/// The body of a request.
pub(super) struct Incoming {
    stream: RecvStream,
    call: Arc<Call>,
    framing: Framing,
    /// Data that has come before there was room for its message.
    waiting: Option<(Bytes, BoxFuture<'static, Result<(), Status>>)>,
    /// The pace of a large message that has begun.
    floor: Option<Floor>,
    is_read: bool,
}

/// The place in the messages' framing.
#[derive(Default)]
struct Framing {
    prefix: [u8; PREFIX],
    /// Bytes of the prefix that have come.
    known: usize,
    /// Bytes of the message that are still to come.
    left: usize,
}

impl Framing {
    /// Follows the data; returns the length of the largest message that begins in it.
    fn follow(&mut self, mut data: &[u8]) -> Option<usize> {
        let mut largest = None;
        while !data.is_empty() {
            if self.left > 0 {
                let taken = self.left.min(data.len());
                self.left -= taken;
                data = &data[taken..];
                continue;
            }
            let taken = (PREFIX - self.known).min(data.len());
            self.prefix[self.known..self.known + taken].copy_from_slice(&data[..taken]);
            self.known += taken;
            data = &data[taken..];
            if self.known == PREFIX {
                let [_, length @ ..] = self.prefix;
                self.left = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
                self.known = 0;
                largest = largest.max(Some(self.left));
            }
        }
        largest
    }
}

impl Incoming {
    pub(super) fn new(stream: RecvStream, call: Arc<Call>) -> Self {
        Self { stream, call, framing: Framing::default(), waiting: None, floor: None, is_read: false }
    }

    /// Hands data on. The peer may send as much again.
    fn hand_on(&mut self, data: Bytes) -> Result<Frame<Bytes>, Status> {
        self.stream.flow_control().release_capacity(data.len()).map_err(status)?;
        if self.framing.left == 0 {
            self.floor = None;
        } else if let Some(floor) = &mut self.floor {
            floor.moved(data.len());
        }
        Ok(Frame::data(data))
    }

    /// Hands data on once there is room for the message that begins in it.
    fn take(&mut self, data: Bytes, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let Some(length) = self.framing.follow(&data).filter(|length| *length > ORDINARY_MESSAGE) else {
            return Poll::Ready(Some(self.hand_on(data)));
        };
        let mut room: BoxFuture<'static, Result<(), Status>> = Box::pin(Arc::clone(&self.call).reserve_request(length));
        match room.as_mut().poll(cx) {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(refusal)) => return Poll::Ready(Some(Err(refusal))),
            Poll::Pending => {
                self.waiting = Some((data, room));
                return Poll::Pending;
            }
        }
        self.floor = Some(Floor::pressed());
        Poll::Ready(Some(self.hand_on(data)))
    }

    /// Fails once the peer sends a large message so slowly that others wait for its room.
    fn poll_pace(&mut self, cx: &mut Context<'_>) -> Poll<Status> {
        let Some(floor) = &mut self.floor else { return Poll::Pending };
        let requests = self.call.requests();
        floor.poll_fall(cx, || requests.is_pressed()).map(|()| {
            requests.offend();
            self.call.overloaded()
        })
    }
}

/// A stream that the peer or the transport has ended.
fn status(error: h2::Error) -> Status {
    Status::from_error(Box::new(error))
}

impl Body for Incoming {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.get_mut();
        if let Some((_, room)) = &mut this.waiting
            && let Err(refusal) = ready!(room.as_mut().poll(cx))
        {
            this.waiting = None;
            return Poll::Ready(Some(Err(refusal)));
        }
        if let Some((data, _)) = this.waiting.take() {
            this.floor = Some(Floor::pressed());
            return Poll::Ready(Some(this.hand_on(data)));
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
        self.waiting.is_none() && self.stream.is_end_stream()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn framing_is_followed_however_data_is_split() {
        let messages = [&[0, 0, 0, 0, 3, 1, 2, 3][..], &[0, 0, 0, 0, 0], &[1, 0, 0, 1, 0]].concat();
        let message = [messages, vec![7; 256]].concat();
        for size in 1..=message.len() {
            let mut framing = Framing::default();
            let lengths: Vec<_> = message.chunks(size).filter_map(|data| framing.follow(data)).collect();
            assert_eq!(lengths.iter().max(), Some(&256), "{size}");
            assert_eq!((framing.left, framing.known), (0, 0), "{size}");
        }
    }
}
