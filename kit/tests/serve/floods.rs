//! Floods of frames that no call needs: the connection is closed.

use kit::serve::ServerLimits;

use super::frames::{CONTINUATION, DATA, GOAWAY, HEADERS, PING, PRIORITY, RawConnection, SETTINGS, frame};
use super::support::start;

/// RFC 9113 §7.
const ENHANCE_YOUR_CALM: u32 = 11;

/// A frame of a type that HTTP/2 does not know.
const UNKNOWN: u8 = 0x20;

/// Flag of an answer to a ping or to settings.
const ACK: u8 = 0x1;

/// `:method POST`, `:scheme http` and `:path /` (RFC 7541 appendix A).
const REQUEST: [u8; 3] = [0x83, 0x86, 0x84];

/// Returns the error code of the next GOAWAY.
async fn goaway(connection: &mut RawConnection) -> u32 {
    let goaway = connection.find(GOAWAY).await.expect("the connection is closed");
    u32::from_be_bytes(goaway.payload[4..8].try_into().unwrap())
}

/// F3: such frames cost the server work, and cost the peer nothing (CVE-2019-9512, 9513, 9515 and 9518).
#[tokio::test]
async fn flood_of_control_frames_is_closed() {
    let server = start(ServerLimits { control_frames: 10, ..ServerLimits::default() }).await;
    let begun = frame(HEADERS, 0x4, 1, &REQUEST);
    for (name, flooding) in [
        ("ping", frame(PING, 0, 0, &[0; 8])),
        ("settings", frame(SETTINGS, 0, 0, &[])),
        ("priority", frame(PRIORITY, 0, 1, &[0, 0, 0, 0, 1])),
        ("empty data", frame(DATA, 0, 1, &[])),
        ("unknown", frame(UNKNOWN, 0, 0, &[])),
    ] {
        let mut connection = RawConnection::open(server.address).await;
        connection.send(&[&begun[..], &flooding.repeat(20)].concat()).await;
        assert_eq!(goaway(&mut connection).await, ENHANCE_YOUR_CALM, "{name}");
    }
    assert_eq!(ServerLimits::default().control_frames, 10_000);
}

#[tokio::test]
async fn answers_to_pings_are_not_a_flood() {
    let server = start(ServerLimits { control_frames: 10, ..ServerLimits::default() }).await;
    let mut connection = RawConnection::open(server.address).await;
    connection.send(&frame(PING, ACK, 0, &[0; 8]).repeat(50)).await;
    connection.send(&frame(PING, 0, 0, b"still on")).await;
    loop {
        let frame = connection.next().await.expect("the connection stays open");
        assert_ne!(frame.kind, GOAWAY);
        if frame.kind == PING && frame.payload == b"still on" {
            return;
        }
    }
}

/// F1: streams beyond the limit are refused, and many of them close the connection.
#[tokio::test]
async fn flood_of_streams_is_closed() {
    let server = start(ServerLimits { concurrent_streams: 2, resets: 5, ..ServerLimits::default() }).await;
    let mut connection = RawConnection::open(server.address).await;
    // Each read holds at most 16 KiB, and counts the refused streams of the earlier ones.
    let frames: Vec<u8> = (1..8001).step_by(2).flat_map(|stream| frame(HEADERS, 0x4, stream, &REQUEST)).collect();
    connection.send(&frames).await;
    assert_eq!(goaway(&mut connection).await, ENHANCE_YOUR_CALM);
}

/// F6: a header block without an end (CVE-2024-27316).
#[tokio::test]
async fn flood_of_continuations_is_closed() {
    let server = start(ServerLimits::default()).await;
    let mut connection = RawConnection::open(server.address).await;
    let mut frames = frame(HEADERS, 0, 1, &REQUEST);
    // A field named `a` with 1,000 bytes, which is in no table.
    let field = [&[0, 1, b'a', 0x7f, 0xe9, 0x06], &[b'x'; 1000][..]].concat();
    for _ in 0..200 {
        frames.extend(frame(CONTINUATION, 0, 1, &field));
    }
    connection.send(&frames).await;
    assert_eq!(goaway(&mut connection).await, ENHANCE_YOUR_CALM);
}

/// F1: an entry of the table that is used again and again grows to far more than the limit of the header list.
#[tokio::test]
async fn header_bomb_is_closed() {
    let server = start(ServerLimits::default()).await;
    let mut connection = RawConnection::open(server.address).await;
    connection.send(&frame(HEADERS, 0x5, 1, &table_entry_named(5000))).await;
    assert_eq!(goaway(&mut connection).await, ENHANCE_YOUR_CALM);
}

/// F1: headers above the limit are answered, and many of them close the connection.
#[tokio::test]
async fn headers_above_the_limit_are_refused() {
    let server = start(ServerLimits { resets: 5, ..ServerLimits::default() }).await;
    let mut connection = RawConnection::open(server.address).await;
    let block = table_entry_named(6);
    connection.send(&frame(HEADERS, 0x5, 1, &block)).await;
    let refusal = connection.find(HEADERS).await.expect("the request is answered");
    // `:status` is the literal of index 8 (RFC 7541 appendix A).
    assert_eq!((refusal.stream, refusal.payload[0] & 0x0f), (1, 8), "{:?}", refusal.payload);
    let frames: Vec<u8> = (3..43).step_by(2).flat_map(|stream| frame(HEADERS, 0x5, stream, &block)).collect();
    connection.send(&frames).await;
    assert_eq!(goaway(&mut connection).await, ENHANCE_YOUR_CALM);
    assert_eq!(ServerLimits::default().header_list, 16 * 1024);
}

/// Returns a request's headers that put an entry of 3,000 bytes into the table, and use it this often.
fn table_entry_named(times: usize) -> Vec<u8> {
    // A literal with indexing: name `a`, and a length of 3,000. Then index 62, the newest entry of the dynamic table.
    let entry = [&[0x40, 1, b'a', 0x7f, 0xb9, 0x16], &[b'x'; 3000][..]].concat();
    [&REQUEST[..], &entry, &vec![0xbe; times]].concat()
}
