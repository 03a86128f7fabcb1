//! Metrics of a server: its calls, its connections and its memory.

use std::time::Duration;

use gatepost::api::auth::v1::VerifyTokenRequest;
use gatepost::api::auth::v1::token_service_client::TokenServiceClient;
use kit::ops::Metrics;
use kit::serve::ServerLimits;
use testkit::{MetricsText, Raw, framed};
use tokio::net::TcpStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

use super::frames::{GOAWAY, RawConnection};
use super::support::{TestServer, start};

const VERIFY: &str = "gatepost.auth.v1.TokenService/VerifyToken";

/// Longer than a test may take.
const LONG: Duration = Duration::from_hours(1);

async fn connect(server: &TestServer) -> Channel {
    Endpoint::from_shared(format!("http://{}", server.address)).unwrap().connect().await.unwrap()
}

async fn ask(channel: &Channel, token: &str) -> Result<(), Status> {
    let request = VerifyTokenRequest { token: token.into() };
    TokenServiceClient::new(channel.clone()).verify_token(request).await.map(drop)
}

fn page(server: &TestServer) -> MetricsText {
    let mut metrics = Metrics::default();
    metrics.add(server.metrics.clone());
    MetricsText(metrics.text())
}

/// Reads the page until the series has this value: an answer may arrive before its call is counted.
async fn until(server: &TestServer, series: &str, count: u64) -> MetricsText {
    loop {
        let page = page(server);
        if page.count(series) >= count {
            return page;
        }
        tokio::task::yield_now().await;
    }
}

fn calls(method: &str, code: &str) -> String {
    format!(r#"gatepost_calls_total{{method="{method}",code="{code}"}}"#)
}

#[tokio::test]
async fn calls_are_counted_by_method_and_code() {
    let server = start(ServerLimits::default()).await;
    let channel = connect(&server).await;
    for _ in 0..3 {
        ask(&channel, "").await.unwrap();
    }
    assert_eq!(ask(&channel, "panic").await.unwrap_err().code(), Code::Internal);
    until(&server, &calls(VERIFY, "OK"), 3).await;
    let page = until(&server, &calls(VERIFY, "INTERNAL"), 1).await;
    assert_eq!(page.count(&calls(VERIFY, "OK")), 3);
    assert_eq!(page.count(&calls("grpc.health.v1.Health/Check", "OK")), 0);
    let times = |suffix| format!(r#"gatepost_call_duration_seconds_{suffix}{{method="{VERIFY}"}}"#);
    assert_eq!(page.count(&times("count")), 4);
    assert!(page.value(&times("sum")) > 0.0);
    let most = format!(r#"gatepost_call_duration_seconds_bucket{{le="+Inf",method="{VERIFY}"}}"#);
    assert_eq!(page.count(&most), 4);
}

#[tokio::test]
async fn made_up_method_counts_as_other() {
    let server = start(ServerLimits::default()).await;
    let raw = Raw::connect(server.address).await;
    for path in ["/a.B/C", "/gatepost.auth.v1.TokenService/Verify"] {
        raw.call(path, &[], framed(b"")).await;
    }
    let page = until(&server, &calls("other", "UNAUTHENTICATED"), 2).await;
    assert!(!page.0.contains("a.B"), "{}", page.0);
}

#[tokio::test]
async fn running_call_is_counted_until_its_caller_leaves() {
    let server = start(ServerLimits { deadline: LONG, ..ServerLimits::default() }).await;
    let channel = connect(&server).await;
    let running = format!(r#"gatepost_calls_running{{method="{VERIFY}"}}"#);
    let call = tokio::spawn({
        let channel = channel.clone();
        async move { ask(&channel, "hang").await }
    });
    let page = until(&server, &running, 1).await;
    assert_eq!(page.count("gatepost_connections_open"), 1);
    call.abort();
    let page = until(&server, &calls(VERIFY, "CANCELLED"), 1).await;
    assert_eq!(page.count(&running), 0);
}

#[tokio::test]
async fn connections_are_counted_by_the_reason_of_their_end() {
    let short = Duration::from_millis(50);
    let limits = ServerLimits { first_request: short, connections: 4, ..ServerLimits::default() };
    let server = start(limits).await;
    let ended = |reason: &str| format!(r#"gatepost_connections_ended_total{{reason="{reason}"}}"#);
    let _silent = TcpStream::connect(server.address).await.unwrap();
    until(&server, &ended("handshake"), 1).await;
    let mut idle = RawConnection::open(server.address).await;
    idle.find(GOAWAY).await.expect("the server says goodbye");
    until(&server, &ended("idle"), 1).await;
    // A slow client may be idle for too long before it leaves.
    while page(&server).count(&ended("peer")) == 0 {
        drop(connect(&server).await);
    }
    let mut crowd = Vec::new();
    for _ in 0..20 {
        crowd.push(TcpStream::connect(server.address).await.unwrap());
    }
    until(&server, &ended("evicted"), 1).await;
    drop(crowd);
    server.shutdown.cancel();
    let (metrics, task) = (server.metrics.clone(), server.task);
    task.await.unwrap();
    let mut all = Metrics::default();
    all.add(metrics);
    assert_eq!(MetricsText(all.text()).count("gatepost_connections_open"), 0);
}

#[tokio::test]
async fn memory_of_answers_is_shown_with_its_limit() {
    let server = start(ServerLimits { deadline: LONG, ..ServerLimits::default() }).await;
    let held = r#"gatepost_message_memory_bytes{kind="answers"}"#;
    let channel = connect(&server).await;
    let call = tokio::spawn(async move { ask(&channel, "hang").await });
    let shown = until(&server, held, 1).await;
    let limit = shown.count(r#"gatepost_message_memory_limit_bytes{kind="answers"}"#);
    assert!(shown.count(held) < limit, "{}", shown.0);
    call.abort();
    while page(&server).count(held) > 0 {
        tokio::task::yield_now().await;
    }
}
