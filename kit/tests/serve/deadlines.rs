//! Every call ends by the server's own deadline or the caller's, whichever is shorter, and says so in one way.

use std::time::{Duration, Instant};

use gatepost::api::auth::v1::VerifyTokenRequest;
use kit::serve::ServerLimits;
use prost::Message as _;
use testkit::Raw;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::support::start;

const SHORT: Duration = Duration::from_millis(50);

/// A call that never ends by itself, by a client that keeps no deadline of its own.
async fn hang(raw: &Raw, timeouts: &[&str]) -> Status {
    let headers: Vec<_> = timeouts.iter().map(|timeout| ("grpc-timeout", *timeout)).collect();
    let message = VerifyTokenRequest { token: "hang".into() }.encode_to_vec();
    raw.unary("/gatepost.auth.v1.TokenService/VerifyToken", &headers, &message).await.unwrap_err()
}

#[track_caller]
fn ended(status: &Status, why: &str) {
    let info = status.get_details_error_info().unwrap_or_else(|| panic!("{why}: {status:?}"));
    let seen = (status.code(), info.reason.as_str(), info.domain.as_str(), status.message());
    let sentence = "the call took longer than its deadline, try again with a longer one";
    assert_eq!(seen, (Code::DeadlineExceeded, "DEADLINE", "auth.gatepost.dev", sentence), "{why}");
}

#[tokio::test]
async fn the_servers_own_deadline_ends_a_call() {
    let raw = start(ServerLimits { deadline: SHORT, ..ServerLimits::default() }).await.raw().await;
    ended(&hang(&raw, &[]).await, "no deadline of the caller's");
    ended(&hang(&raw, &["1H"]).await, "a longer deadline of the caller's");
    assert_eq!(ServerLimits::default().deadline, Duration::from_secs(5));
}

#[tokio::test]
async fn f8_a_malformed_deadline_of_the_caller_leaves_the_servers_own() {
    let raw = start(ServerLimits { deadline: SHORT, ..ServerLimits::default() }).await.raw().await;
    for timeout in
        ["", " ", "S", "+", "5", "nonsense", "1s", "1 S", "1.5S", "-1n", "-0n", "0x1S", "123456789n", "+12345678n", "é"]
    {
        let begun = Instant::now();
        ended(&hang(&raw, &[timeout]).await, timeout);
        assert!(begun.elapsed() >= SHORT, "{timeout:?} has ended the call");
    }
}

#[tokio::test]
async fn a_shorter_deadline_of_the_caller_ends_a_call_and_the_transports_timer_never_comes_first() {
    // The transport keeps the caller's deadline, too, and would answer CANCELLED: by a plus as without one, for lengths
    // below its timers' resolution, and for the first of two.
    let raw = start(ServerLimits::default()).await.raw().await;
    for timeout in ["0n", "0S", "1n", "999u", "1m", "2m", "3m", "+3m", "5m", "20m", "+20m", "100m"] {
        for _ in 0..5 {
            let begun = Instant::now();
            ended(&hang(&raw, &[timeout]).await, timeout);
            assert!(begun.elapsed() < ServerLimits::default().deadline, "{timeout}");
        }
    }
    ended(&hang(&raw, &["20m", "1H"]).await, "two deadlines");
    ended(&hang(&raw, &["20m", "nonsense"]).await, "two deadlines, one of them malformed");
}
