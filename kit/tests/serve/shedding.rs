//! Limit of running calls: calls beyond it are refused at once, and health and essential methods have a reserve. The limit is
//! lower while calls wait for a thread.

use std::time::{Duration, Instant};

use gatepost::api::auth::v1::VerifyTokenRequest;
use kit::serve::ServerLimits;
use prost::Message as _;
use testkit::{Raw, Reply, framed};
use tokio::runtime::Builder;
use tokio::task::yield_now;
use tonic::Code;
use tonic_types::StatusExt as _;

use super::support::{TestServer, start, start_with};

const VERIFY: &str = "/gatepost.auth.v1.TokenService/VerifyToken";
const KEYS: &str = "/gatepost.auth.v1.TokenService/ListSigningKeys";
const CHECK: &str = "/grpc.health.v1.Health/Check";

async fn verify(raw: &Raw, token: &str) -> Reply {
    raw.call(VERIFY, &[], framed(&VerifyTokenRequest { token: token.into() }.encode_to_vec())).await
}

/// Takes a place of the limit with a call that hangs. Returns the refusal of a later call on its connection.
async fn fill(server: &TestServer) -> (Raw, Reply) {
    let raw = server.raw().await;
    let hanging = raw.clone();
    tokio::spawn(async move { verify(&hanging, "hang").await });
    loop {
        let reply = raw.call(KEYS, &[], framed(b"")).await;
        if reply.status().code() != Code::Ok {
            return (raw, reply);
        }
    }
}

#[tokio::test]
async fn call_beyond_the_limit_gets_a_retry_time() {
    let server = start(ServerLimits { running_calls: 2, ..ServerLimits::default() }).await;
    let (raw, reply) = fill(&server).await;
    let status = reply.status();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert_eq!(status.get_details_error_info().unwrap().reason, "OVERLOADED");
    assert!(status.get_details_retry_info().unwrap().retry_delay.is_some());
    let pushback: u64 = reply.headers["grpc-retry-pushback-ms"].to_str().unwrap().parse().unwrap();
    assert!((500..1500).contains(&pushback), "{pushback}");
    assert!(raw.unary(CHECK, &[], b"").await.is_ok(), "health has a reserve");
    let other = server.raw().await;
    assert_eq!(other.call(KEYS, &[], framed(b"")).await.status().code(), Code::Ok, "another connection has a place");
    assert_eq!((ServerLimits::default().running_calls, ServerLimits::default().reserved_calls), (2048, 512));
}

#[tokio::test]
async fn ended_call_gives_its_place_back() {
    let server = start(ServerLimits { running_calls: 1, ..ServerLimits::default() }).await;
    let raw = server.raw().await;
    for _ in 0..5 {
        assert_eq!(verify(&raw, "").await.status().code(), Code::Ok);
    }
}

#[tokio::test]
async fn essential_method_and_health_have_a_reserve() {
    let server = start_with(|parts| {
        parts.limits.running_calls = 0;
        parts.limits.waiting_calls = 0;
        parts.limits.reserved_calls = 1;
        parts.essential = &[VERIFY];
    })
    .await;
    let raw = server.raw().await;
    assert_eq!(raw.call(KEYS, &[], framed(b"")).await.status().code(), Code::ResourceExhausted);
    assert_eq!(verify(&raw, "").await.status().code(), Code::Ok);
    assert!(raw.unary(CHECK, &[], b"").await.is_ok());
}

#[tokio::test]
async fn reserve_has_a_limit_of_its_own() {
    let server = start_with(|parts| {
        parts.limits.reserved_calls = 0;
        parts.essential = &[VERIFY];
    })
    .await;
    let raw = server.raw().await;
    assert_eq!(raw.call(KEYS, &[], framed(b"")).await.status().code(), Code::Ok);
    for (path, message) in [(VERIFY, &b""[..]), (CHECK, b"")] {
        assert_eq!(raw.unary(path, &[], message).await.unwrap_err().code(), Code::ResourceExhausted, "{path}");
    }
}

/// The only thread is busy with another task while a hundred calls run.
#[test]
fn calls_beyond_the_processor_time_are_refused() {
    // The thread looks for events after each task: the other task takes most of the time.
    let runtime = Builder::new_current_thread().enable_all().event_interval(1).build().unwrap();
    runtime.block_on(refuse_beyond_the_processor_time());
}

async fn refuse_beyond_the_processor_time() {
    const BUSY: Duration = Duration::from_millis(120);
    let server = start_with(|parts| {
        parts.essential = &[KEYS];
        parts.limits.deadline = Duration::from_hours(1);
    })
    .await;
    let full = server.raw().await;
    let hanging: Vec<_> = (0..99)
        .map(|_| {
            let raw = full.clone();
            tokio::spawn(async move { verify(&raw, "hang").await })
        })
        .collect();
    let busy = tokio::spawn(async {
        loop {
            let start = Instant::now();
            while start.elapsed() < BUSY {}
            yield_now().await;
        }
    });
    let raw = server.raw().await;
    let refusal = loop {
        let reply = verify(&raw, "").await;
        if reply.status().code() != Code::Ok {
            break reply.status();
        }
    };
    assert_eq!(refusal.code(), Code::ResourceExhausted);
    assert_eq!(refusal.get_details_error_info().unwrap().reason, "OVERLOADED");
    assert_eq!(raw.call(KEYS, &[], framed(b"")).await.status().code(), Code::Ok, "essential methods have a reserve");
    assert!(raw.unary(CHECK, &[], b"").await.is_ok(), "health has a reserve");
    busy.abort();
    for call in hanging {
        call.abort();
    }
    while verify(&raw, "").await.status().code() != Code::Ok {}
}
