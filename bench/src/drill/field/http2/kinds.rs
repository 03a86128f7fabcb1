//! The frames of each attack.

use std::sync::Arc;
use std::time::Duration;

use blog_service::api::v1::{ListPostsRequest, PostView};
use prost::Message as _;
use testkit::{framed, gzipped};

use super::attacker::{Attacker, Round};
use super::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, HEADERS, PING, PREFACE, RST_STREAM, SETTINGS, field, frame, request,
    window,
};

/// A public method.
const LOGIN: &str = "/gatepost.auth.v1.AuthService/Login";

/// Frames of a round, or pairs of frames.
const BURST: u32 = 50;

/// Streams of a connection that is slow.
const SLOW_STREAMS: usize = 60;

/// Time between two parts of a slow attacker.
const SLOW_PAUSE: Duration = Duration::from_secs(1);

/// Bytes of a bomb's message when it is decompressed.
const BOMB_BYTES: usize = 48 * 1024 * 1024;

/// Returns a connection with the preface and settings, without further frames.
pub(super) fn half_open() -> Attacker {
    let opening = [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat();
    Attacker { opening, round: None, pause: Duration::ZERO, streams: None, answers_pings: false }
}

/// Returns a connection without a byte.
pub(super) fn silent() -> Attacker {
    Attacker { opening: Vec::new(), ..half_open() }
}

/// Returns a connection that sends these rounds without a pause.
fn flood(round: impl Fn(u32) -> Vec<u8> + Send + Sync + 'static) -> Attacker {
    let round: Round = Arc::new(round);
    Attacker { round: Some(round), ..half_open() }
}

/// Returns a flood of frames for streams of their own.
fn stream_flood_of(frames: impl Fn(u32) -> Vec<u8> + Send + Sync + 'static) -> Attacker {
    flood(move |round| (0..BURST).flat_map(|number| frames(2 * (round * BURST + number) + 1)).collect())
}

/// Returns streams without an end, far more than a connection may have.
pub(super) fn stream_flood() -> Attacker {
    stream_flood_of(|stream| frame(HEADERS, END_HEADERS, stream, &request(LOGIN, &[])))
}

/// Returns streams whose data contradicts their headers, so that the server must reset them (RUSTSEC-2024-0003).
pub(super) fn error_resets() -> Attacker {
    stream_flood_of(|stream| {
        let headers = frame(HEADERS, END_HEADERS, stream, &request(LOGIN, &[("content-length", "0")]));
        [headers, frame(DATA, 0, stream, b"x")].concat()
    })
}

/// Returns streams that are reset at once (CVE-2023-44487).
pub(super) fn rapid_reset() -> Attacker {
    stream_flood_of(|stream| {
        let headers = frame(HEADERS, END_HEADERS | END_STREAM, stream, &request(LOGIN, &[]));
        [headers, frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes())].concat()
    })
}

/// Returns a header block without an end (CVE-2024-27316).
pub(super) fn continuation() -> Attacker {
    let more = frame(CONTINUATION, 0, 1, &field(0, b"a", &[b'x'; 1000]));
    flood(move |round| match round {
        0 => frame(HEADERS, 0, 1, &request(LOGIN, &[])),
        _ => more.clone(),
    })
}

/// Returns pings whose answers the attacker reads (CVE-2019-9512).
pub(super) fn ping() -> Attacker {
    flood(|_| frame(PING, 0, 0, &[7; 8]).repeat(usize::from(u8::MAX)))
}

/// Returns settings, each of which the server must acknowledge (CVE-2019-9515).
pub(super) fn settings() -> Attacker {
    flood(|_| frame(SETTINGS, 0, 0, &[]).repeat(usize::from(u8::MAX)))
}

/// Returns headers that refer to one large entry of the dynamic table thousands of times.
pub(super) fn hpack_bomb() -> Attacker {
    stream_flood_of(|stream| {
        let block = [request(LOGIN, &[]), field(0x40, b"a", &[b'x'; 3000]), vec![0xbe; 8000]].concat();
        frame(HEADERS, END_HEADERS | END_STREAM, stream, &block)
    })
}

/// Returns a header block that grows by one field each second.
pub(super) fn slow_header() -> Attacker {
    let more = frame(CONTINUATION, 0, 1, &field(0, b"a", b"x"));
    let first = frame(HEADERS, 0, 1, &request(LOGIN, &[]));
    let attacker = flood(move |round| if round == 0 { first.clone() } else { more.clone() });
    Attacker { pause: SLOW_PAUSE, ..attacker }
}

/// Returns streams whose message grows by a byte each second.
pub(super) fn slow_body() -> Attacker {
    let ids = || (1_u32..).step_by(2).take(SLOW_STREAMS);
    let attacker = flood(move |round| match round {
        0 => ids().flat_map(|stream| frame(HEADERS, END_HEADERS, stream, &request(LOGIN, &[]))).collect(),
        1 => ids().flat_map(|stream| frame(DATA, 0, stream, &[0, 0, 0, 0xff, 0])).collect(),
        _ => ids().flat_map(|stream| frame(DATA, 0, stream, b"x")).collect(),
    });
    Attacker { pause: SLOW_PAUSE, streams: Some(SLOW_STREAMS), ..attacker }
}

/// Returns requests for full pages. The attacker takes one byte of each answer.
pub(super) fn slow_readers(token: &str) -> Attacker {
    let list = ListPostsRequest { view: PostView::Full.into(), ..ListPostsRequest::default() };
    let body = framed(&list.encode_to_vec());
    let headers = request("/gatepost.blog.v1.PostService/ListPosts", &[("api-token", token)]);
    let mut opening = [PREFACE, &window(1)].concat();
    for stream in (1..).step_by(2).take(SLOW_STREAMS) {
        opening.extend(frame(HEADERS, END_HEADERS, stream, &headers));
        opening.extend(frame(DATA, END_STREAM, stream, &body));
    }
    Attacker { opening, streams: Some(SLOW_STREAMS), ..half_open() }
}

/// Returns compressed requests that are a thousand times as large when they are decompressed.
pub(super) fn zip_bomb() -> Attacker {
    let bomb = gzipped(&vec![0; BOMB_BYTES]);
    let mut opening = half_open().opening;
    let headers = request(LOGIN, &[("grpc-encoding", "gzip")]);
    // Frames of at most 16 KiB, and no more than the connection's window.
    for stream in (1..).step_by(2).take(2) {
        opening.extend(frame(HEADERS, END_HEADERS, stream, &headers));
        for part in bomb.chunks(16 * 1024) {
            opening.extend(frame(DATA, 0, stream, part));
        }
    }
    Attacker { opening, streams: Some(2), ..half_open() }
}

/// Returns a connection that makes one call and stays.
pub(super) fn idle() -> Attacker {
    let headers = request("/grpc.health.v1.Health/Check", &[]);
    let call = [frame(HEADERS, END_HEADERS, 1, &headers), frame(DATA, END_STREAM, 1, &[0; 5])].concat();
    Attacker { opening: [half_open().opening, call].concat(), answers_pings: true, ..half_open() }
}
