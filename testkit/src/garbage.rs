//! Malformed requests of a method, one for each kind of malformation.

use prost::encoding::{WireType, encode_key};
use tonic::codegen::Bytes;

use super::{Method, framed};

/// Bytes that are not protobuf for any message type (protobuf.dev/programming-guides/encoding).
const MALFORMED_MESSAGES: [(&str, &[u8]); 8] = [
    ("field 0", &[0x00, 0x00]),
    ("an unknown wire type", &[0x0f]),
    ("a number without its end", &[0x08, 0x80]),
    ("a number of eleven bytes", &[0x08, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1]),
    ("a field longer than its message", &[0x0a, 0x7f, b'a']),
    ("a group without its end", &[0x0b]),
    ("an end without its group", &[0x0c]),
    ("groups in groups without end", &[0x0b; 512]),
];

/// Bodies that are not exactly one message (the gRPC wire format, `Length-Prefixed-Message`).
const MALFORMED_FRAMES: [(&str, &[u8]); 6] = [
    ("no message", &[]),
    ("a part of a frame's head", &[0, 0, 0]),
    ("a message shorter than its frame", &[0, 0, 0, 0, 9, b'a']),
    ("an unknown compression flag", &[7, 0, 0, 0, 0]),
    ("a compressed message without a header for it", &[1, 0, 0, 0, 0]),
    ("something after the message", &[0, 0, 0, 0, 0, 0, 0]),
];

/// Returns malformed request bodies of this method, each with a description.
pub fn garbage(method: &Method) -> Vec<(String, Bytes)> {
    let messages = MALFORMED_MESSAGES.map(|(name, message)| (name.to_owned(), framed(message)));
    let frames = MALFORMED_FRAMES.map(|(name, body)| (name.to_owned(), Bytes::from_static(body)));
    let texts = method.strings.iter().map(|number| (format!("field {number} is not UTF-8"), framed(&text(*number))));
    messages.into_iter().chain(frames).chain(texts).collect()
}

/// Returns a string field of one byte that is not UTF-8.
fn text(number: u32) -> Vec<u8> {
    let mut message = Vec::new();
    encode_key(number, WireType::LengthDelimited, &mut message);
    message.extend_from_slice(&[1, 0xff]);
    message
}
