//! Deadlines: each call ends at the earlier of the server's and the caller's deadline, always with the same status.

use std::time::{Duration, Instant};

use gatepost::api::auth::v1::VerifyTokenRequest;
use kit::serve::ServerLimits;
use prost::Message as _;
use testkit::Raw;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::support::start;

const SHORT: Duration = Duration::from_millis(50);

/// Makes a call that never ends by itself, with a client that enforces no deadline.
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
async fn servers_deadline_ends_a_call() {
    let raw = start(ServerLimits { deadline: SHORT, ..ServerLimits::default() }).await.raw().await;
    ended(&hang(&raw, &[]).await, "the caller has no deadline");
    ended(&hang(&raw, &["1H"]).await, "the caller has a longer deadline");
    assert_eq!(ServerLimits::default().deadline, Duration::from_secs(5));
}

/// F8: a malformed deadline is ignored.
#[tokio::test]
async fn malformed_deadline_leaves_the_servers_own() {
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
async fn callers_deadline_ends_a_call_before_the_transport() {
    // The transport also enforces the caller's deadline, with CANCELLED. The cases have a plus sign, lengths below the
    // timers' resolution, and two deadlines.
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
