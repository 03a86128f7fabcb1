//! HTTP/2 frames by hand, for paths that URI types would change.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::EMPTY;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// The kinds of the frames in a response. A rejection is HEADERS alone; an answer is HEADERS, DATA, HEADERS.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frames(Vec<u8>);

impl Frames {
    /// Returns the frames of an answer.
    pub(crate) fn answer() -> Self {
        Self(vec![HEADERS, DATA, HEADERS])
    }

    /// Returns the frames of a rejection.
    pub(crate) fn refusal() -> Self {
        Self(vec![HEADERS])
    }

    /// Calls exactly this path with an empty message and no token.
    pub(crate) async fn of_call(addr: SocketAddr, path: &str) -> Self {
        let mut block = Vec::new();
        for (name, value) in [
            (":method", "POST"),
            (":scheme", "http"),
            (":authority", "localhost"),
            (":path", path),
            ("content-type", "application/grpc"),
            ("te", "trailers"),
        ] {
            // HPACK: literal without indexing, new name, no Huffman code (RFC 7541 §6.2.2).
            block.push(0);
            for text in [name, value] {
                block.push(u8::try_from(text.len()).ok().filter(|length| *length < 127).unwrap());
                block.extend_from_slice(text.as_bytes());
            }
        }
        let mut sent = PREFACE.to_vec();
        frame(&mut sent, SETTINGS, 0, 0, &[]);
        frame(&mut sent, HEADERS, END_HEADERS, 1, &block);
        frame(&mut sent, DATA, END_STREAM, 1, EMPTY);
        let mut connection = TcpStream::connect(addr).await.unwrap();
        connection.write_all(&sent).await.unwrap();
        Self::read(connection).await
    }

    async fn read(mut connection: TcpStream) -> Self {
        let mut kinds = Vec::new();
        loop {
            let mut head = [0; 9];
            connection.read_exact(&mut head).await.unwrap();
            let [high, middle, low, kind, flags, stream @ ..] = head;
            let length = u32::from_be_bytes([0, high, middle, low]);
            connection.read_exact(&mut vec![0; length as usize]).await.unwrap();
            if u32::from_be_bytes(stream) != 1 || ![DATA, HEADERS, RST_STREAM].contains(&kind) {
                continue;
            }
            kinds.push(kind);
            if kind == RST_STREAM || flags & END_STREAM != 0 {
                return Self(kinds);
            }
        }
    }
}

fn frame(sent: &mut Vec<u8>, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
    sent.extend_from_slice(&u32::try_from(payload.len()).unwrap().to_be_bytes()[1..]);
    sent.extend_from_slice(&[kind, flags]);
    sent.extend_from_slice(&stream.to_be_bytes());
    sent.extend_from_slice(payload);
}
