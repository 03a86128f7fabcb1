//! Compression of an answer, before its memory is counted.

use std::io::Write as _;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::HeaderMap;
use http_body::Frame;
use tokio::sync::Semaphore;
use tokio::task::yield_now;

use super::super::framing::{COMPRESSED_FLAG, PREFIX_BYTES};
use super::headers::{GRPC_ENCODING, GZIP};

/// Smallest answer that is compressed, in bytes: below it the headers cost as much.
const MIN_BYTES: usize = 1024;

/// Bytes that are compressed before other calls have a turn.
const STEP_BYTES: usize = 64 * 1024;

/// Largest number of answers of more than one step that are compressed at once. Others are sent uncompressed. A
/// compression takes 300 KiB of memory.
pub(in super::super) const MAX_COMPRESSIONS: usize = 4;

/// Returns the first frame of an answer, compressed if it is a whole message and shrinks. Then also sets the header.
pub(in super::super) async fn compressed(
    frame: Frame<Bytes>,
    headers: &mut HeaderMap,
    turns: &Semaphore,
) -> Frame<Bytes> {
    let data = match frame.into_data() {
        Ok(data) if is_message(&data) => data,
        Ok(data) => return Frame::data(data),
        Err(frame) => return frame,
    };
    match compress(&data, turns).await {
        Some(compressed) => {
            headers.insert(GRPC_ENCODING, GZIP);
            Frame::data(compressed)
        }
        None => Frame::data(data),
    }
}

/// Returns true for one whole message that is worth a compression.
fn is_message(data: &Bytes) -> bool {
    let Some((&[0, ref length @ ..], message)) = data.split_first_chunk::<PREFIX_BYTES>() else { return false };
    message.len() >= MIN_BYTES && u32::try_from(message.len()).is_ok_and(|bytes| bytes.to_be_bytes() == *length)
}

/// Compresses a framed message; `None` if it does not shrink, or if too many large ones are being compressed.
async fn compress(data: &Bytes, turns: &Semaphore) -> Option<Bytes> {
    let message = &data[PREFIX_BYTES..];
    let _turn = if message.len() > STEP_BYTES { Some(turns.try_acquire().ok()?) } else { None };
    let mut encoder = GzEncoder::new(vec![0; PREFIX_BYTES], Compression::fast());
    let mut steps = message.chunks(STEP_BYTES).peekable();
    while let Some(step) = steps.next() {
        encoder.write_all(step).ok()?;
        if steps.peek().is_some() {
            yield_now().await;
        }
    }
    let mut frame = encoder.finish().ok()?;
    let length = u32::try_from(frame.len() - PREFIX_BYTES).ok()?.to_be_bytes();
    frame[0] = COMPRESSED_FLAG;
    frame[1..PREFIX_BYTES].copy_from_slice(&length);
    // The memory beyond the frame would not count.
    frame.shrink_to_fit();
    (frame.len() < data.len()).then(|| frame.into())
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::GzDecoder;

    use super::*;

    fn framed(message: &[u8]) -> Bytes {
        let length = u32::try_from(message.len()).unwrap().to_be_bytes();
        [&[0], &length[..], message].concat().into()
    }

    async fn sent(data: &Bytes, turns: usize) -> (Bytes, bool) {
        let mut headers = HeaderMap::new();
        let frame = compressed(Frame::data(data.clone()), &mut headers, &Semaphore::new(turns)).await;
        (frame.into_data().unwrap(), headers.contains_key(GRPC_ENCODING))
    }

    #[tokio::test]
    async fn whole_message_that_shrinks_is_compressed() {
        for bytes in [MIN_BYTES, STEP_BYTES, 3 * STEP_BYTES + 1] {
            let message = vec![b'a'; bytes];
            let (data, is_named) = sent(&framed(&message), 1).await;
            assert!(is_named && data.len() < bytes / 10 && data[0] == COMPRESSED_FLAG);
            assert_eq!(data[1..5], u32::try_from(data.len() - 5).unwrap().to_be_bytes());
            let mut read = Vec::new();
            GzDecoder::new(&data[PREFIX_BYTES..]).read_to_end(&mut read).unwrap();
            assert_eq!(read, message);
        }
    }

    #[tokio::test]
    async fn other_data_is_sent_as_it_is() {
        let message = framed(&[b'a'; 2 * MIN_BYTES]);
        let random: Vec<u8> = (0..64).flat_map(|_| crate::random::bytes::<32>()).collect();
        for (data, turns) in [
            (framed(&[b'a'; MIN_BYTES - 1]), 1),
            (message.slice(..MIN_BYTES + 100), 1),
            ([&message[..], &message].concat().into(), 1),
            (framed(&random), 1),
            (framed(&vec![b'a'; STEP_BYTES + 1]), 0),
        ] {
            assert_eq!(sent(&data, turns).await, (data, false));
        }
    }
}
