//! Settings of the server on the wire, and the end of connections that break them.

use std::time::Duration;

use kit::ops::Metrics;
use kit::serve::ServerLimits;

use super::frames::{DATA, GOAWAY, HEADERS, PING, RST_STREAM, RawConnection, SETTINGS, WINDOW_UPDATE, frame};
use super::support::{TestServer, start};

/// The settings of RFC 9113 §6.5.2.
const MAX_CONCURRENT_STREAMS: u16 = 3;
const INITIAL_WINDOW_SIZE: u16 = 4;
const MAX_FRAME_SIZE: u16 = 5;
const MAX_HEADER_LIST_SIZE: u16 = 6;

/// RFC 9113 §7.
const ENHANCE_YOUR_CALM: u32 = 11;

/// F1: the client learns all limits.
#[tokio::test]
async fn settings_frame_has_every_limit() {
    let server = start(ServerLimits::default()).await;
    let mut connection = RawConnection::open(server.address).await;
    let frame = connection.find(SETTINGS).await.unwrap();
    let settings: Vec<(u16, u32)> = frame
        .payload
        .chunks(6)
        .map(|entry| (u16::from_be_bytes([entry[0], entry[1]]), u32::from_be_bytes(entry[2..].try_into().unwrap())))
        .collect();
    for wanted in [
        (MAX_CONCURRENT_STREAMS, 100),
        (INITIAL_WINDOW_SIZE, 64 * 1024),
        (MAX_FRAME_SIZE, 16 * 1024),
        (MAX_HEADER_LIST_SIZE, 16 * 1024),
    ] {
        assert!(settings.contains(&wanted), "{wanted:?} is missing in {settings:?}");
    }
    let update = connection.find(WINDOW_UPDATE).await.unwrap();
    let grown = u32::from_be_bytes(update.payload.try_into().unwrap());
    assert_eq!((update.stream, grown), (0, 256 * 1024 - 65_535), "the connection's window is 256 KiB");
}

/// F5: dead peers are found.
#[tokio::test]
async fn silent_peer_is_pinged_and_closed() {
    let fast = Duration::from_millis(50);
    let server = start(ServerLimits { keepalive: (fast, fast), ..ServerLimits::default() }).await;
    let mut connection = RawConnection::open(server.address).await;
    let ping = connection.find(PING).await.expect("the server sends a ping");
    assert_eq!(ping.flags, 0, "the frame is a ping, not the answer to one");
    // Without an answer the connection ends.
    while connection.next().await.is_some() {}
    assert_eq!(ServerLimits::default().keepalive, (Duration::from_secs(10), Duration::from_secs(5)));
}

/// F2: resets by the server are limited.
#[tokio::test]
async fn client_with_too_many_stream_errors_is_closed() {
    let server = start(ServerLimits { error_resets: 5, ..ServerLimits::default() }).await;
    let mut connection = RawConnection::open(server.address).await;
    // `:method POST`, `:scheme http` and `:path /` (RFC 7541 appendix A), with `content-length: 0`. The byte of data is
    // then an error of its stream alone (RFC 9113 §8.1.1). One write, so that the server reads all before it answers.
    let headers = [0x83, 0x86, 0x84, 0x0f, 0x0d, 1, b'0'];
    let mut frames = Vec::new();
    for stream in (1..80).step_by(2) {
        frames.extend(frame(HEADERS, 0x4, stream, &headers));
        frames.extend(frame(DATA, 0, stream, b"x"));
    }
    connection.send(&frames).await;
    let goaway = connection.find(GOAWAY).await.expect("the connection is closed");
    assert_eq!(u32::from_be_bytes(goaway.payload[4..8].try_into().unwrap()), ENHANCE_YOUR_CALM);
    assert_eq!(ServerLimits::default().error_resets, 100);
}

/// F3: rapid resets are limited (CVE-2023-44487).
#[tokio::test]
async fn client_that_opens_and_resets_streams_is_closed() {
    let server = start(ServerLimits { pending_resets: 5, ..ServerLimits::default() }).await;
    let mut connection = RawConnection::open(server.address).await;
    let (headers, cancel) = ([0x83, 0x86, 0x84], 8_u32.to_be_bytes());
    // More than the five that this server accepts, and fewer than the library's default of twenty.
    let mut frames = Vec::new();
    for stream in (1..25).step_by(2) {
        frames.extend(frame(HEADERS, 0x5, stream, &headers));
        frames.extend(frame(RST_STREAM, 0, stream, &cancel));
    }
    connection.send(&frames).await;
    let goaway = connection.find(GOAWAY).await.expect("the connection is closed");
    assert_eq!(u32::from_be_bytes(goaway.payload[4..8].try_into().unwrap()), ENHANCE_YOUR_CALM);
    assert_eq!(ServerLimits::default().pending_resets, 1000);
}

/// Sends this number of requests, then the reset of each one, in one write. Waits until the server has read all.
async fn send_requests_and_resets(server: &TestServer, requests: u32) {
    let mut connection = RawConnection::open(server.address).await;
    let (headers, cancel) = ([0x83, 0x86, 0x84], 8_u32.to_be_bytes());
    let streams = || (0..requests).map(|number| 2 * number + 1);
    let mut frames = Vec::new();
    for stream in streams() {
        frames.extend(frame(HEADERS, 0x4, stream, &headers));
        // About as long as a request with a short token.
        frames.extend(frame(DATA, 0x1, stream, &[0; 64]));
    }
    for stream in streams() {
        frames.extend(frame(RST_STREAM, 0, stream, &cancel));
    }
    frames.extend(frame(PING, 0, 0, b"still on"));
    // The server's task runs once this task waits.
    connection.send(&frames).await;
    loop {
        let frame = connection.next().await.expect("the connection stays open");
        assert_ne!(frame.kind, GOAWAY, "{:?}", String::from_utf8_lossy(&frame.payload));
        if frame.kind == PING && frame.payload == b"still on" {
            return;
        }
    }
}

/// F3: after a stall the socket holds requests and the resets of callers that gave up.
#[tokio::test]
async fn resets_after_a_stall_close_no_connection() {
    let server = start(ServerLimits::default()).await;
    send_requests_and_resets(&server, 100).await;
}

#[tokio::test]
async fn call_that_is_reset_before_its_accept_is_not_executed() {
    let server = start(ServerLimits::default()).await;
    // They fit into one read of the transport.
    send_requests_and_resets(&server, 50).await;
    let mut metrics = Metrics::default();
    metrics.add(server.metrics);
    let text = metrics.text();
    let mut calls = text.lines().filter(|line| line.starts_with("gatepost_calls_total{"));
    assert!(calls.all(|line| line.ends_with(" 0")), "{text}");
}

/// F3: resets are limited in each second, also if they come in different reads.
#[tokio::test]
async fn client_that_spreads_its_resets_is_closed() {
    let server = start(ServerLimits { resets: 5, ..ServerLimits::default() }).await;
    let mut connection = RawConnection::open(server.address).await;
    let (headers, cancel) = ([0x83, 0x86, 0x84], 8_u32.to_be_bytes());
    for stream in (1..81).step_by(2) {
        let frames = [frame(HEADERS, 0x4, stream, &headers), frame(RST_STREAM, 0, stream, &cancel)];
        connection.send(&frames.concat()).await;
    }
    let goaway = connection.find(GOAWAY).await.expect("the connection is closed");
    assert_eq!(u32::from_be_bytes(goaway.payload[4..8].try_into().unwrap()), ENHANCE_YOUR_CALM);
    assert_eq!(ServerLimits::default().resets, 1000);
}
