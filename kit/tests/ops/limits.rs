//! Limits for slow clients, large requests and long connections.

use std::time::Duration;

use kit::ops::OpsLimits;
use testkit::http::{HttpReply, ask, get, rest};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::support::{DatabaseState, started};

const SHORT_TIMEOUT: Duration = Duration::from_millis(50);

#[tokio::test]
async fn unfinished_head_ends_the_connection() {
    let port = started(OpsLimits { head: SHORT_TIMEOUT, ..OpsLimits::default() }).await;
    for begun in ["", "G", "GET /livez HTTP/1.1\r\nHost: a\r\n"] {
        let answer = ask(port.address, begun).await;
        assert!(!answer.contains(" 200 "), "{begun}: {answer}");
    }
}

#[tokio::test]
async fn idle_connection_ends() {
    let port = started(OpsLimits { head: SHORT_TIMEOUT, ..OpsLimits::default() }).await;
    let answer = ask(port.address, "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(answer.ends_with("ok\n"), "{answer}");
}

#[tokio::test]
async fn too_large_head_is_refused() {
    let port = started(OpsLimits::default()).await;
    let head = |fields: &str| format!("GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{fields}\r\n");
    let long = head(&format!("X: {}\r\n", "a".repeat(17 * 1024)));
    let many = head(&"X: a\r\n".repeat(65));
    for text in [long, many] {
        assert_eq!(HttpReply::read(&ask(port.address, &text).await).status, 431);
    }
    let path = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(17 * 1024));
    let status = HttpReply::read(&ask(port.address, &path).await).status;
    assert!(matches!(status, 414 | 431), "{status}");
    assert_eq!(get(port.address, "/livez").await.status, 200);
}

#[tokio::test]
async fn bytes_that_are_not_http_are_refused() {
    let port = started(OpsLimits::default()).await;
    for text in ["\0\0\0\0\r\n\r\n", "GET\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        let answer = ask(port.address, text).await;
        assert!(!answer.contains(" 200 "), "{text:?}: {answer}");
    }
    assert_eq!(get(port.address, "/livez").await.status, 200);
}

#[tokio::test]
async fn connection_above_the_limit_waits() {
    let port = started(OpsLimits { connections: 1, head: Duration::from_mins(10), ..OpsLimits::default() }).await;
    let mut first = TcpStream::connect(port.address).await.unwrap();
    first.write_all(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    first.readable().await.unwrap();
    // The only place is taken now.
    let address = port.address;
    let mut second = tokio::spawn(async move { get(address, "/livez").await.status });
    first.write_all(b"GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
    tokio::select! {
        biased;
        answer = rest(&mut first) => assert_eq!(answer.matches("ok\n").count(), 2),
        status = &mut second => panic!("{status:?} came before a place was free"),
    }
    assert_eq!(second.await.unwrap(), 200);
}

#[tokio::test]
async fn old_connection_ends() {
    let limits = OpsLimits { age: SHORT_TIMEOUT, head: Duration::from_mins(10), ..OpsLimits::default() };
    let port = started(limits).await;
    let answer = ask(port.address, "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(answer.ends_with("ok\n"), "{answer}");
}

#[tokio::test]
async fn stop_waits_only_for_busy_connections_in_grace() {
    let limits = OpsLimits {
        head: Duration::from_mins(10),
        write: Duration::from_mins(10),
        grace: SHORT_TIMEOUT,
        ..OpsLimits::default()
    };
    let port = started(limits).await;
    let mut idle = TcpStream::connect(port.address).await.unwrap();
    idle.write_all(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    idle.readable().await.unwrap();
    port.disk.send_replace(DatabaseState::Hangs);
    let mut busy = TcpStream::connect(port.address).await.unwrap();
    busy.write_all(b"GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    while port.writes.load(std::sync::atomic::Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    port.end.send(()).unwrap();
    port.task.await.unwrap();
    assert!(rest(&mut idle).await.ends_with("ok\n"));
    assert_eq!(rest(&mut busy).await, "", "the write has not ended");
}
