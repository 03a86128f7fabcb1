//! Bytes that are no request of a method, one for each way in which they can fail to be.

use prost::encoding::{WireType, encode_key};
use tonic::codegen::Bytes;

use super::{Method, framed};

/// Each is no protobuf, whatever the message (protobuf.dev/programming-guides/encoding).
const MESSAGES: [(&str, &[u8]); 8] = [
    ("field 0", &[0x00, 0x00]),
    ("a wire type that is none", &[0x0f]),
    ("a number without its end", &[0x08, 0x80]),
    ("a number of eleven bytes", &[0x08, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1]),
    ("a field longer than its message", &[0x0a, 0x7f, b'a']),
    ("a group without its end", &[0x0b]),
    ("an end without its group", &[0x0c]),
    ("groups in groups without end", &[0x0b; 512]),
];

/// Each is no frame, or not the one message that a call has (the gRPC wire format, `Length-Prefixed-Message`).
const FRAMES: [(&str, &[u8]); 6] = [
    ("no message", &[]),
    ("a part of a frame's head", &[0, 0, 0]),
    ("a message shorter than its frame says", &[0, 0, 0, 0, 9, b'a']),
    ("a compression flag that is none", &[7, 0, 0, 0, 0]),
    ("compressed, and no header says how", &[1, 0, 0, 0, 0]),
    ("something after the message", &[0, 0, 0, 0, 0, 0, 0]),
];

/// Bodies that are no request of this method, each with what is wrong with it.
pub fn garbage(method: &Method) -> Vec<(String, Bytes)> {
    let messages = MESSAGES.map(|(name, message)| (name.to_owned(), framed(message)));
    let frames = FRAMES.map(|(name, body)| (name.to_owned(), Bytes::from_static(body)));
    let texts = method.strings.iter().map(|number| (format!("field {number} is no UTF-8"), framed(&text(*number))));
    messages.into_iter().chain(frames).chain(texts).collect()
}

/// A string field that is one byte long, and no UTF-8.
fn text(number: u32) -> Vec<u8> {
    let mut message = Vec::new();
    encode_key(number, WireType::LengthDelimited, &mut message);
    message.extend_from_slice(&[1, 0xff]);
    message
}
