//! HTTP/2 frames encoded by hand (RFC 9113 §4.1), because no client library sends hostile frames.

/// Preface of a client (RFC 9113 §3.4).
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PING: u8 = 6;
pub(super) const CONTINUATION: u8 = 9;

/// Flag of the last frame of a stream.
pub(super) const END_STREAM: u8 = 0x1;
/// Flag of an answer to a ping.
pub(super) const ACK: u8 = 0x1;
/// Flag of the last frame of a header block.
pub(super) const END_HEADERS: u8 = 0x4;

/// Number of the setting for the window of new streams (RFC 9113 §6.5.2).
const INITIAL_WINDOW_SIZE: u16 = 4;

/// Bytes of a frame header.
const HEADER_BYTES: usize = 9;

/// Returns the bytes of a frame.
pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [_, high, middle, low] = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes();
    [&[high, middle, low, kind, flags], &stream.to_be_bytes()[..], payload].concat()
}

/// Returns a SETTINGS frame that sets the initial window of new streams.
pub(super) fn window(bytes: u32) -> Vec<u8> {
    frame(SETTINGS, 0, 0, &[&INITIAL_WINDOW_SIZE.to_be_bytes()[..], &bytes.to_be_bytes()].concat())
}

/// Returns the header block of a gRPC request, with the additional fields `more`.
pub(super) fn request(path: &str, more: &[(&str, &str)]) -> Vec<u8> {
    // `:method POST` and `:scheme http` of the static table (RFC 7541 appendix A), then literals.
    let mut block = vec![0x83, 0x86];
    let usual = [(":path", path), ("content-type", "application/grpc"), ("te", "trailers")];
    for (name, value) in usual.iter().chain(more) {
        block.extend(field(0, name.as_bytes(), value.as_bytes()));
    }
    block
}

/// Encodes a literal header field with a new name (RFC 7541 §6.2). The first byte `0x40` adds the field to the dynamic
/// table.
pub(super) fn field(first: u8, name: &[u8], value: &[u8]) -> Vec<u8> {
    [&[first][..], &length(name.len()), name, &length(value.len()), value].concat()
}

/// Encodes a length as an integer with a 7-bit prefix (RFC 7541 §5.1).
fn length(bytes: usize) -> Vec<u8> {
    const PREFIX_MAX: usize = 0x7f;
    if bytes < PREFIX_MAX {
        return vec![u8::try_from(bytes).unwrap_or(u8::MAX)];
    }
    let (mut encoded, mut rest) = (vec![0x7f], bytes - PREFIX_MAX);
    while rest > PREFIX_MAX {
        encoded.push(0x80 | u8::try_from(rest & PREFIX_MAX).unwrap_or(u8::MAX));
        rest >>= 7;
    }
    encoded.push(u8::try_from(rest).unwrap_or(u8::MAX));
    encoded
}

/// Counters of the server's frames.
#[derive(Debug, Default)]
pub(super) struct ServerFrames {
    header: Vec<u8>,
    /// Payload bytes to skip before the next frame header.
    skip: usize,
    /// Streams that have ended.
    pub(super) ended: usize,
    /// Pings that have no answer yet.
    pub(super) pings: usize,
}

impl ServerFrames {
    /// Counts the frames in the next bytes from the server.
    pub(super) fn follow(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let skipped = self.skip.min(bytes.len());
            (self.skip, bytes) = (self.skip - skipped, &bytes[skipped..]);
            let taken = (HEADER_BYTES - self.header.len()).min(bytes.len());
            self.header.extend_from_slice(&bytes[..taken]);
            bytes = &bytes[taken..];
            let Ok([high, middle, low, kind, flags, ..]) = <[u8; HEADER_BYTES]>::try_from(self.header.as_slice())
            else {
                return;
            };
            self.header.clear();
            self.skip = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
            let is_last = flags & END_STREAM != 0 && (kind == DATA || kind == HEADERS);
            self.ended += usize::from(is_last || kind == RST_STREAM);
            self.pings += usize::from(kind == PING && flags & ACK == 0);
        }
    }
}
