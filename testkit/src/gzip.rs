//! gzip, as gRPC clients send and read it.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use tonic::codegen::Bytes;

/// Length of the head of a gRPC frame, in bytes.
const FRAME_HEAD_BYTES: usize = 5;

/// Returns a message in a gRPC frame, compressed with gzip.
///
/// # Panics
/// Panics if the compressed message has 4 GiB or more.
#[expect(clippy::expect_used, reason = "no test sends 4 GiB, and a vector takes all bytes")]
pub fn gzipped(message: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(message).expect("a vector takes all bytes");
    let compressed = encoder.finish().expect("a vector takes all bytes");
    let length = u32::try_from(compressed.len()).expect("at most 4 GiB");
    [&[1], &length.to_be_bytes()[..], &compressed].concat().into()
}

/// Returns the message of one compressed frame; `None` if the frame is not compressed or is not gzip.
pub fn gunzipped(frame: &[u8]) -> Option<Vec<u8>> {
    let (head, compressed) = frame.split_first_chunk::<FRAME_HEAD_BYTES>()?;
    let mut message = Vec::new();
    (head[0] == 1).then_some(())?;
    GzDecoder::new(compressed).read_to_end(&mut message).ok()?;
    Some(message)
}
