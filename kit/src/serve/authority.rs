//! Filter that makes the `:authority` of C-core's clients valid for the HTTP library.
//!
//! gRPC's C core (Python, C++, Ruby, PHP) sends a target of several addresses as one authority:
//! `10.0.0.1:50051,10.0.0.2:50051`. This text is not a valid authority (RFC 3986 §3.2), and h2 resets the stream before
//! any other code sees the call. The server does not use the authority, so the filter replaces its bytes. Their number
//! stays the same, so that HPACK's tables stay equal to the client's (RFC 7541 §2.3.2).

use std::io::{IoSlice, Result};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::ServerLimits;
use super::turns::{Frames, MAX_READ, Turns};

/// Bytes of the client's preface (RFC 9113 §3.4).
const PREFACE_BYTES: usize = 24;

/// Bytes of a frame's head: length, type, flags and stream (RFC 9113 §4.1).
const HEAD_BYTES: usize = 9;

const DATA_FRAME: u8 = 0;
const HEADERS_FRAME: u8 = 1;
const PRIORITY_FRAME: u8 = 2;
const RST_STREAM_FRAME: u8 = 3;
const SETTINGS_FRAME: u8 = 4;
const PING_FRAME: u8 = 6;
const CONTINUATION_FRAME: u8 = 9;
/// Flag of SETTINGS and PING frames that are answers, and of DATA frames that end a stream.
const ACK_OR_END_FLAG: u8 = 0x1;
const PADDED_FLAG: u8 = 0x8;
const PRIORITY_FLAG: u8 = 0x20;

/// Index of `:authority` in HPACK's static table (RFC 7541 appendix A).
const AUTHORITY_INDEX: usize = 1;

/// Connection that makes the peer's `:authority` valid, and records the peer's activity.
pub(super) struct AuthorityFilter<T> {
    io: T,
    frames: FrameTracker,
    signs: Arc<PeerActivity>,
}

/// Activity of a connection's peer. A reader clears the flag that it reads.
#[derive(Debug)]
pub(super) struct PeerActivity {
    /// Set when the peer has sent bytes.
    pub(super) has_spoken: AtomicBool,
    /// Set when the peer has taken bytes.
    pub(super) has_taken: AtomicBool,
    /// Turns of the connection's reads.
    pub(super) turns: Turns,
}

impl PeerActivity {
    /// Starts without activity.
    pub(super) fn new(limits: &ServerLimits) -> Self {
        let (has_spoken, has_taken) = (AtomicBool::default(), AtomicBool::default());
        Self { has_spoken, has_taken, turns: Turns::new(limits.resets, limits.control_frames) }
    }
}

impl<T> AuthorityFilter<T> {
    pub(super) fn new(io: T, signs: Arc<PeerActivity>) -> Self {
        Self { io, frames: FrameTracker::default(), signs }
    }
}

/// Position in the peer's frames.
struct FrameTracker {
    /// Bytes of the preface or a payload before the next head.
    skip: usize,
    head: [u8; HEAD_BYTES],
    /// Bytes of the head that have arrived.
    known: usize,
    /// Flags of a HEADERS frame while only its head has arrived.
    block: Option<u8>,
    /// Frames that are not counted yet.
    frames: Frames,
    /// Highest number of a stream that the peer has opened.
    last_stream: u32,
}

impl Default for FrameTracker {
    fn default() -> Self {
        let (head, known, block, frames, last_stream) = Default::default();
        Self { skip: PREFACE_BYTES, head, known, block, frames, last_stream }
    }
}

impl FrameTracker {
    /// Follows the frames, and fixes the header blocks that start in these bytes. The `:authority` is near the front.
    fn follow(&mut self, mut bytes: &mut [u8]) {
        loop {
            let skipped = self.skip.min(bytes.len());
            if let Some(flags) = self.block.take_if(|_| skipped > 0) {
                let _ = mend(block(&mut bytes[..skipped], flags));
            }
            self.skip -= skipped;
            bytes = &mut bytes[skipped..];
            let taken = (HEAD_BYTES - self.known).min(bytes.len());
            self.head[self.known..self.known + taken].copy_from_slice(&bytes[..taken]);
            self.known += taken;
            bytes = &mut bytes[taken..];
            if self.known < HEAD_BYTES {
                return;
            }
            self.known = 0;
            let [high, middle, low, kind, flags, stream @ ..] = self.head;
            self.skip = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
            self.count(kind, flags, u32::from_be_bytes(stream));
            self.block = (kind == HEADERS_FRAME && self.skip > 0).then_some(flags);
        }
    }
}

impl FrameTracker {
    /// Counts a frame by its head.
    fn count(&mut self, kind: u8, flags: u8, stream: u32) {
        let is_plain = flags & ACK_OR_END_FLAG == 0;
        match kind {
            RST_STREAM_FRAME => self.frames.resets += 1,
            HEADERS_FRAME if stream > self.last_stream => {
                self.last_stream = stream;
                self.frames.opened += 1;
            }
            SETTINGS_FRAME | PING_FRAME if is_plain => self.frames.control += 1,
            DATA_FRAME if is_plain && self.skip == 0 => self.frames.control += 1,
            PRIORITY_FRAME => self.frames.control += 1,
            _ if kind > CONTINUATION_FRAME => self.frames.control += 1,
            _ => {}
        }
    }
}

/// Returns the header block of a HEADERS frame's payload. Padding behind the block is parsed as unknown fields.
fn block(payload: &mut [u8], flags: u8) -> &mut [u8] {
    let before = usize::from(flags & PADDED_FLAG != 0) + if flags & PRIORITY_FLAG != 0 { 5 } else { 0 };
    payload.get_mut(before..).unwrap_or_default()
}

/// Fixes the `:authority` of a header block. Returns `None` if the block is malformed, which h2 refuses.
fn mend(block: &mut [u8]) -> Option<()> {
    let mut at = 0;
    while let Some(first) = block.get(at).copied() {
        let (prefix, is_literal) = match first {
            0x80.. => (7, false),
            0x40.. => (6, true),
            0x20.. => (5, false),
            _ => (4, true),
        };
        let index = integer(block, &mut at, prefix)?;
        if !is_literal {
            continue;
        }
        let mut is_authority = index == AUTHORITY_INDEX;
        if index == 0 {
            // C-core sends the name as a literal.
            let ((start, _), end) = string(block, at)?;
            is_authority = &block[start..end] == b":authority";
            at = end;
        }
        let ((start, is_huffman), end) = string(block, at)?;
        let value = &mut block[start..end];
        if is_authority && !is_huffman && value.iter().any(|byte| b",%".contains(byte)) {
            for byte in value.iter_mut().filter(|byte| !byte.is_ascii_alphanumeric()) {
                *byte = b'-';
            }
        }
        at = end;
    }
    Some(())
}

/// Returns the start of a string, true if it is Huffman-coded, and its end (RFC 7541 §5.2).
fn string(block: &[u8], mut at: usize) -> Option<((usize, bool), usize)> {
    let is_huffman = block.get(at)? & 0x80 != 0;
    let length = integer(block, &mut at, 7)?;
    let end = at.checked_add(length).filter(|end| *end <= block.len())?;
    Some(((at, is_huffman), end))
}

/// Reads an integer with a prefix of `prefix` bits (RFC 7541 §5.1). Three more bytes are enough here.
fn integer(block: &[u8], at: &mut usize, prefix: u32) -> Option<usize> {
    let most = (1_usize << prefix) - 1;
    let mut value = usize::from(*block.get(*at)?) & most;
    *at += 1;
    if value < most {
        return Some(value);
    }
    for shift in [0, 7, 14] {
        let byte = usize::from(*block.get(*at)?);
        *at += 1;
        value += (byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

impl<T: AsyncRead + Unpin> AsyncRead for AuthorityFilter<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        if !self.signs.turns.may_read() {
            return Poll::Pending;
        }
        let most = buf.remaining().min(self.frames.skip + MAX_READ);
        let mut part = ReadBuf::new(buf.initialize_unfilled_to(most));
        ready!(Pin::new(&mut self.io).poll_read(cx, &mut part))?;
        let read = part.filled_mut();
        let length = read.len();
        if length > 0 {
            self.signs.has_spoken.store(true, Relaxed);
            self.frames.follow(read);
            let frames = std::mem::take(&mut self.frames.frames);
            self.signs.turns.read(frames);
        }
        buf.advance(length);
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for AuthorityFilter<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let written = ready!(Pin::new(&mut self.io).poll_write(cx, bytes))?;
        self.signs.has_taken.store(true, Relaxed);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let written = ready!(Pin::new(&mut self.io).poll_write_vectored(cx, parts))?;
        self.signs.has_taken.store(true, Relaxed);
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a block with `:method POST`, an `:authority`, and `:path /`.
    fn block_of(authority: &[u8]) -> Vec<u8> {
        let length = u8::try_from(authority.len()).unwrap();
        [&[0x83, 0x41, length], authority, &[0x84]].concat()
    }

    fn mended(authority: &[u8]) -> Vec<u8> {
        let mut block = block_of(authority);
        mend(&mut block).unwrap();
        block[3..block.len() - 1].to_vec()
    }

    #[test]
    fn lists_and_percent_signs_become_a_name() {
        assert_eq!(mended(b"127.0.0.1:50051,127.0.0.1:50052"), b"127-0-0-1-50051-127-0-0-1-50052");
        assert_eq!(mended(b"%5B::1%5D:50051"), b"-5B--1-5D-50051");
        for good in [&b"localhost:50051"[..], b"[::1]:50051", b""] {
            assert_eq!(mended(good), good, "an authority stays as it is");
        }
    }

    #[test]
    fn literal_name_of_the_authority_is_found() {
        let mut block = [&[0x40, 10][..], b":authority", &[7], b"a:1,b:2", &[0x84]].concat();
        mend(&mut block).unwrap();
        assert!(block.ends_with(b"\x07a-1-b-2\x84"));
    }

    #[test]
    fn frames_are_followed_however_they_are_split() {
        let block = block_of(b"a:1,b:2");
        let length = u8::try_from(block.len()).unwrap();
        // A DATA frame with bytes that look like a head, then the headers.
        let data = [0, 0, 9, 0, 0, 0, 0, 0, 1, 0, 0, 5, 1, 4, 0, 0, 0, 3];
        let head = [0, 0, length, HEADERS_FRAME, 4, 0, 0, 0, 3];
        let all = [&[b'x'; PREFACE_BYTES][..], &data, &head, &block].concat();
        let expected = [&all[..all.len() - block.len()], &block_of(b"a-1-b-2")].concat();
        for split in 0..=all.len() - block.len() {
            let (mut bytes, mut frames) = (all.clone(), FrameTracker::default());
            let (first, second) = bytes.split_at_mut(split);
            frames.follow(first);
            frames.follow(second);
            assert_eq!(bytes, expected, "{split}");
        }
    }

    #[test]
    fn malformed_blocks_are_left_alone() {
        for length in 0..12 {
            for byte in 0..=u8::MAX {
                let mut block = vec![byte; length];
                let before = block.clone();
                let _ = mend(&mut block);
                assert_eq!(block, before);
            }
        }
        let mut frames = FrameTracker { skip: 0, ..FrameTracker::default() };
        frames.follow(&mut [0, 0, 1, HEADERS_FRAME, PADDED_FLAG | PRIORITY_FLAG, 0, 0, 0, 1, 7]);
    }
}
