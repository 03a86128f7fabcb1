//! Malformed requests of a method, one for each kind of malformation.

use prost::encoding::{WireType, encode_key};
use tonic::codegen::Bytes;

use super::{Method, framed};

/// Bytes that are not protobuf for any message type (protobuf.dev/programming-guides/encoding).
const MALFORMED_MESSAGES: [(&str, &[u8]); 8] = [
    ("field 0", &[0x00, 0x00]),
    ("an unknown wire type", &[0x0f]),
    ("a truncated varint", &[0x08, 0x80]),
    ("a varint of eleven bytes", &[0x08, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1]),
    ("a field longer than its message", &[0x0a, 0x7f, b'a']),
    ("a group without its end tag", &[0x0b]),
    ("an end tag without its group", &[0x0c]),
    ("nested groups without end tags", &[0x0b; 512]),
];

/// Bodies that are not exactly one message (the gRPC wire format, `Length-Prefixed-Message`).
const MALFORMED_FRAMES: [(&str, &[u8]); 6] = [
    ("no message", &[]),
    ("a truncated frame header", &[0, 0, 0]),
    ("a message shorter than its frame", &[0, 0, 0, 0, 9, b'a']),
    ("an unknown compression flag", &[7, 0, 0, 0, 0]),
    ("a compressed message without `grpc-encoding`", &[1, 0, 0, 0, 0]),
    ("something after the message", &[0, 0, 0, 0, 0, 0, 0]),
];

/// Returns malformed request bodies of this method, each with a description.
pub fn garbage(method: &Method) -> Vec<(String, Bytes)> {
    let messages = MALFORMED_MESSAGES.map(|(name, message)| (name.to_owned(), framed(message)));
    let frames = MALFORMED_FRAMES.map(|(name, body)| (name.to_owned(), Bytes::from_static(body)));
    let texts = method.strings.iter().map(|field| (format!("field {field} is not UTF-8"), framed(&non_utf8(*field))));
    messages.into_iter().chain(frames).chain(texts).collect()
}

/// Returns a string field of one byte that is not UTF-8.
fn non_utf8(number: u32) -> Vec<u8> {
    let mut message = Vec::new();
    encode_key(number, WireType::LengthDelimited, &mut message);
    message.extend_from_slice(&[1, 0xff]);
    message
}
