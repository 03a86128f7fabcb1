//! What a client can cost: a slow one, one that talks much, one that stays.

use std::time::Duration;

use kit::ops::OpsLimits;
use testkit::http::{HttpReply, ask, get, rest};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::support::{Disk, started};

const SOON: Duration = Duration::from_millis(50);

#[tokio::test]
async fn a_head_that_does_not_end_ends_the_connection() {
    let port = started(Limits { head: SOON, ..Limits::default() }).await;
    for begun in ["", "G", "GET /livez HTTP/1.1\r\nHost: a\r\n"] {
        let answer = ask(port.address, begun).await;
        assert!(!answer.contains(" 200 "), "{begun}: {answer}");
    }
}

#[tokio::test]
async fn an_idle_connection_ends() {
    let port = started(Limits { head: SOON, ..Limits::default() }).await;
    let answer = ask(port.address, "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(answer.ends_with("ok\n"), "{answer}");
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let port = started(Limits::default()).await;
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
async fn what_is_no_http_is_refused() {
    let port = started(Limits::default()).await;
    for text in ["\0\0\0\0\r\n\r\n", "GET\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        let answer = ask(port.address, text).await;
        assert!(!answer.contains(" 200 "), "{text:?}: {answer}");
    }
    assert_eq!(get(port.address, "/livez").await.status, 200);
}

#[tokio::test]
async fn those_above_the_number_of_connections_wait_for_a_place() {
    let port = started(Limits { connections: 1, head: Duration::from_mins(10), ..Limits::default() }).await;
    let mut first = TcpStream::connect(port.address).await.unwrap();
    first.write_all(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    first.readable().await.unwrap();
    // The one place is taken now.
    let address = port.address;
    let mut second = tokio::spawn(async move { get(address, "/livez").await.status });
    first.write_all(b"GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
    tokio::select! {
        biased;
        answer = rest(&mut first) => assert_eq!(answer.matches("ok\n").count(), 2),
        status = &mut second => panic!("{status:?} came before there was a place"),
    }
    assert_eq!(second.await.unwrap(), 200);
}

#[tokio::test]
async fn an_old_connection_ends() {
    let limits = Limits { age: SOON, head: Duration::from_mins(10), ..Limits::default() };
    let port = started(limits).await;
    let answer = ask(port.address, "GET /livez HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(answer.ends_with("ok\n"), "{answer}");
}

#[tokio::test]
async fn the_end_waits_for_no_connection_that_is_idle_and_not_long_for_one_that_is_not() {
    let limits =
        Limits { head: Duration::from_mins(10), write: Duration::from_mins(10), grace: SOON, ..Limits::default() };
    let port = started(limits).await;
    let mut idle = TcpStream::connect(port.address).await.unwrap();
    idle.write_all(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    idle.readable().await.unwrap();
    port.disk.send_replace(Disk::Hangs);
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
