//! Codec for services with large messages: prost's codec with buffers of the messages' sizes.

use std::marker::PhantomData;

use prost::Message;
use tonic::Status;
use tonic::codec::{BufferSettings, Codec, EncodeBuf, Encoder};
use tonic_prost::ProstDecoder;

/// Initial size of a buffer, in bytes; most messages are smaller. tonic's default of 8 KiB would add to each waiting
/// call.
const INITIAL_BUFFER_BYTES: usize = 1024;

/// Bytes of a stream's messages that are sent together.
const YIELD_BYTES: usize = 32 * 1024;

/// Size from which a message is large, in bytes.
const LARGE_MESSAGE_BYTES: usize = 1024 * 1024;

/// Smallest reservation for a large message, in bytes. Only the used part is ever resident.
///
/// From 32 MiB on, glibc always gives an allocation its own mapping, and the system gets the memory back when it is
/// freed (mallopt(3), `M_MMAP_THRESHOLD`). Below that, the process would keep an allocation once another one of its
/// size has been freed.
const LARGE_RESERVATION_BYTES: usize = 33 * 1024 * 1024;

/// Codec for protobuf messages, used by generated clients and servers.
pub struct ProstCodec<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for ProstCodec<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> Codec for ProstCodec<T, U>
where
    T: Message + Send + 'static,
    U: Message + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = ExactEncoder<T>;
    type Decoder = ProstDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        ExactEncoder(PhantomData)
    }

    fn decoder(&mut self) -> Self::Decoder {
        ProstDecoder::new(settings())
    }
}

/// Encoder that allocates once for each message.
pub struct ExactEncoder<T>(PhantomData<T>);

impl<T: Message> Encoder for ExactEncoder<T> {
    type Item = T;
    type Error = Status;

    fn encode(&mut self, message: T, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        let bytes = message.encoded_len();
        buffer.reserve(if bytes < LARGE_MESSAGE_BYTES { bytes } else { LARGE_RESERVATION_BYTES.max(bytes) });
        message.encode(buffer).map_err(|error| Status::internal(format!("the message cannot be encoded: {error}")))
    }

    fn buffer_settings(&self) -> BufferSettings {
        settings()
    }
}

fn settings() -> BufferSettings {
    BufferSettings::new(INITIAL_BUFFER_BYTES, YIELD_BYTES)
}
