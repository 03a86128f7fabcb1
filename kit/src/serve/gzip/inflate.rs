//! Body of a request whose compressed messages are decompressed, each once there is room for it.

use std::io::{self, Read as _};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use flate2::bufread::GzDecoder;
use futures_util::future::BoxFuture;
use http_body::{Body, Frame};
use tonic::Status;

use super::super::call::CallMemory;
use super::super::framing::{COMPRESSED_FLAG, ORDINARY_MESSAGE_BYTES, PREFIX_BYTES};

/// Bytes that are decompressed at once while only the size of the message is measured.
const SCRATCH_BYTES: usize = 8 * 1024;

/// Flag of a message that is not compressed.
const PLAIN_FLAG: u8 = 0;

/// Body with decompressed messages.
pub(in super::super) struct Inflated<B> {
    body: B,
    call: Arc<CallMemory>,
    /// Largest size of a message.
    limit: usize,
    state: InflateState,
    /// Received data that the state does not cover yet.
    data: Bytes,
}

/// Position in the messages.
enum InflateState {
    /// In the bytes before a message.
    Prefix(Vec<u8>),
    /// In a message that is not compressed, with the bytes that are missing.
    Plain(usize),
    /// In a compressed message of this length.
    Compressed(usize, Vec<u8>),
    /// Behind a compressed message with this size, for which there is no room yet.
    Waiting { compressed: Vec<u8>, size: usize, room: BoxFuture<'static, Result<(), Status>> },
}

/// Result of the first look at a compressed message.
enum Inspected {
    /// Message of an ordinary size.
    Message(Vec<u8>),
    /// Size of a larger message.
    Size(usize),
}

/// Fault of a compressed message.
#[derive(Debug, PartialEq, Eq)]
enum InflateFault {
    /// Not the bytes of one gzip stream.
    Malformed,
    /// Larger than the limit.
    TooLarge,
}

impl From<io::Error> for InflateFault {
    fn from(_: io::Error) -> Self {
        Self::Malformed
    }
}

impl<B> Inflated<B> {
    /// Decompresses the messages of a body, up to this size each.
    pub(in super::super) fn new(body: B, call: Arc<CallMemory>, limit: usize) -> Self {
        Self { body, call, limit, state: InflateState::Prefix(Vec::new()), data: Bytes::new() }
    }

    fn refusal(&self, fault: &InflateFault) -> Status {
        let refusals = self.call.refusals();
        match fault {
            InflateFault::Malformed => (refusals.malformed)(),
            InflateFault::TooLarge => (refusals.too_large)(),
        }
    }

    /// Returns the next plain data; `None` if more data must arrive.
    fn advance(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Status>> {
        loop {
            match &mut self.state {
                InflateState::Prefix(prefix) => {
                    let taken = self.data.split_to((PREFIX_BYTES - prefix.len()).min(self.data.len()));
                    prefix.extend_from_slice(&taken);
                    let Ok([flag, length @ ..]) = <[u8; PREFIX_BYTES]>::try_from(prefix.as_slice()) else {
                        return Poll::Ready(Ok(None));
                    };
                    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
                    if flag != COMPRESSED_FLAG {
                        // The handler refuses an unknown flag.
                        let prefix = std::mem::take(prefix);
                        self.state = InflateState::next_to(InflateState::Plain(length));
                        return Poll::Ready(Ok(Some(prefix.into())));
                    }
                    if length > self.limit {
                        return Poll::Ready(Err(self.refusal(&InflateFault::TooLarge)));
                    }
                    self.state = InflateState::Compressed(length, Vec::new());
                }
                InflateState::Plain(left) => {
                    if self.data.is_empty() {
                        return Poll::Ready(Ok(None));
                    }
                    let taken = self.data.split_to((*left).min(self.data.len()));
                    let left = *left - taken.len();
                    self.state = InflateState::next_to(InflateState::Plain(left));
                    return Poll::Ready(Ok(Some(taken)));
                }
                InflateState::Compressed(length, gathered) => {
                    let taken = self.data.split_to((*length - gathered.len()).min(self.data.len()));
                    gathered.extend_from_slice(&taken);
                    if gathered.len() < *length {
                        return Poll::Ready(Ok(None));
                    }
                    let compressed = std::mem::take(gathered);
                    if let Some(message) = self.inspect(compressed)? {
                        return Poll::Ready(Ok(Some(message)));
                    }
                }
                InflateState::Waiting { compressed, size, room } => {
                    ready!(room.as_mut().poll(cx))?;
                    let message = inflate(compressed, *size).map_err(|fault| self.refusal(&fault));
                    self.state = InflateState::Prefix(Vec::new());
                    return Poll::Ready(message.map(Some));
                }
            }
        }
    }

    /// Returns a message of an ordinary size, or starts to wait for the room of a larger one.
    fn inspect(&mut self, compressed: Vec<u8>) -> Result<Option<Bytes>, Status> {
        let inspected = inspect(&compressed, self.limit).map_err(|fault| self.refusal(&fault))?;
        let size = match inspected {
            Inspected::Message(message) => {
                self.call.shrink_request(message.len());
                self.state = InflateState::Prefix(Vec::new());
                return Ok(Some(framed(&message)));
            }
            Inspected::Size(size) => size,
        };
        let call = Arc::clone(&self.call);
        let room: BoxFuture<'static, _> = if compressed.len() > ORDINARY_MESSAGE_BYTES {
            // The room for the largest possible size was reserved before the message was read.
            call.shrink_request(size + compressed.len());
            Box::pin(std::future::ready(Ok(())))
        } else {
            Box::pin(call.reserve_inflated(size))
        };
        self.state = InflateState::Waiting { compressed, size, room };
        Ok(None)
    }
}

impl InflateState {
    /// Returns the state behind a plain message's data.
    fn next_to(state: Self) -> Self {
        if matches!(state, Self::Plain(0)) { Self::Prefix(Vec::new()) } else { state }
    }

    /// Returns true if no message is under way.
    fn is_between(&self) -> bool {
        matches!(self, Self::Prefix(prefix) if prefix.is_empty())
    }
}

/// Decompresses a message of an ordinary size. Counts a larger one, without memory for it.
fn inspect(compressed: &[u8], limit: usize) -> Result<Inspected, InflateFault> {
    let mut decoder = GzDecoder::new(compressed);
    let mut message = Vec::new();
    let ordinary = u64::try_from(ORDINARY_MESSAGE_BYTES).unwrap_or(u64::MAX);
    let mut size = (&mut decoder).take(ordinary).read_to_end(&mut message)?;
    let mut scratch = [0; SCRATCH_BYTES];
    loop {
        if size > limit {
            return Err(InflateFault::TooLarge);
        }
        match decoder.read(&mut scratch)? {
            0 => break,
            more => size += more,
        }
    }
    if !decoder.into_inner().is_empty() {
        return Err(InflateFault::Malformed);
    }
    Ok(if size == message.len() { Inspected::Message(message) } else { Inspected::Size(size) })
}

/// Decompresses a message of this size into its frame.
fn inflate(compressed: &[u8], size: usize) -> Result<Bytes, InflateFault> {
    let mut frame = vec![0; PREFIX_BYTES + size];
    frame[..PREFIX_BYTES].copy_from_slice(&prefix(size));
    GzDecoder::new(compressed).read_exact(&mut frame[PREFIX_BYTES..])?;
    Ok(frame.into())
}

fn framed(message: &[u8]) -> Bytes {
    [&prefix(message.len())[..], message].concat().into()
}

fn prefix(length: usize) -> [u8; PREFIX_BYTES] {
    let [a, b, c, d] = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
    [PLAIN_FLAG, a, b, c, d]
}

impl<B> Body for Inflated<B>
where
    B: Body<Data = Bytes, Error = Status> + Unpin,
{
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.get_mut();
        loop {
            if let Some(data) = ready!(this.advance(cx))? {
                return Poll::Ready(Some(Ok(Frame::data(data))));
            }
            let frame = ready!(Pin::new(&mut this.body).poll_frame(cx)?);
            match frame.map(Frame::into_data) {
                Some(Ok(data)) => this.data = data,
                // A message without its end: the handler would take it for a request without a message.
                _ if !this.state.is_between() => {
                    this.state = InflateState::Prefix(Vec::new());
                    return Poll::Ready(Some(Err(this.refusal(&InflateFault::Malformed))));
                }
                Some(Err(trailers)) => return Poll::Ready(Some(Ok(trailers))),
                None => return Poll::Ready(None),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_empty() && self.state.is_between() && self.body.is_end_stream()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn small_message_is_read_and_a_larger_counted() {
        for size in [0, 1, ORDINARY_MESSAGE_BYTES] {
            let Ok(Inspected::Message(message)) = inspect(&gzip(&vec![7; size]), 10_000) else { panic!("{size}") };
            assert_eq!(message, vec![7; size]);
        }
        for size in [ORDINARY_MESSAGE_BYTES + 1, 100_000] {
            let compressed = gzip(&vec![7; size]);
            let Ok(Inspected::Size(counted)) = inspect(&compressed, size) else { panic!("{size}") };
            assert_eq!(counted, size);
            let frame = inflate(&compressed, size).unwrap();
            assert_eq!((&frame[..PREFIX_BYTES], frame.len()), (&prefix(size)[..], PREFIX_BYTES + size));
        }
    }

    #[test]
    fn bomb_ends_at_the_limit_and_damage_is_malformed() {
        let fault = |bytes: &[u8]| inspect(bytes, 5_000).err();
        assert_eq!(fault(&gzip(&vec![0; 5_001])), Some(InflateFault::TooLarge));
        assert_eq!(fault(&gzip(&vec![0; 50_000_000])), Some(InflateFault::TooLarge));
        let good = gzip(b"a message");
        assert_eq!(fault(&good), None);
        assert_eq!(fault(&good[..good.len() - 1]), Some(InflateFault::Malformed), "no end");
        assert_eq!(fault(&[&good[..], b"x"].concat()), Some(InflateFault::Malformed), "data after the end");
        assert_eq!(fault(b"this is not gzip"), Some(InflateFault::Malformed));
        let mut damaged = good;
        let checksum = damaged.len() - 6;
        damaged[checksum] ^= 1;
        assert_eq!(fault(&damaged), Some(InflateFault::Malformed));
    }
}
