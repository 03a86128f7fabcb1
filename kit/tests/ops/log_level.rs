//! Shows and changes the filter of the log.

use std::net::SocketAddr;

use kit::ops::{OpsLimits, log_level};
use kit::peer::{Networks, networks};
use kit::telemetry::{self, LogControl};
use testkit::http::{HttpReply, ask, get};

use super::support::{OpsPort, open};

/// Starts a port with the endpoint of this log.
async fn started(log: LogControl, operators: &str) -> OpsPort {
    let port = open(OpsLimits::default()).await;
    let operators: Networks = networks(operators).unwrap();
    port.endpoints.show(vec![log_level(log, operators)], Box::new(|| Box::pin(async { Ok(()) })));
    port
}

async fn put(address: SocketAddr, path: &str, text: &str) -> HttpReply {
    let head = format!("PUT {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", text.len());
    HttpReply::read(&ask(address, &format!("{head}{text}")).await)
}

/// The process has one log, so one test changes it.
#[tokio::test]
async fn operator_reads_changes_and_restores_the_filter() {
    let log = telemetry::start(Some("warn"), &[&["own"]], false).unwrap();
    let port = started(log.clone(), "127.0.0.0/8").await;
    assert_eq!(get(port.address, "/log-level").await.body, "warn\n");
    let changed = put(port.address, "/log-level", "own=debug,info\n").await;
    assert_eq!((changed.status, changed.body.as_str()), (200, "own=debug,info\n"));
    assert!(tracing::enabled!(target: "own::part", tracing::Level::DEBUG));
    for (text, why) in
        [("loud", "unknown level \"loud\"; write off, error"), ("own=loud", "\"own=loud\" cannot be read")]
    {
        let refused = put(port.address, "/log-level", text).await;
        assert!(refused.status == 400 && refused.body.starts_with(why), "{}", refused.body);
    }
    assert_eq!(get(port.address, "/log-level").await.body, "own=debug,info\n", "a refused filter changes nothing");
    let refused = put(port.address, "/log-level", &"own=debug,".repeat(200)).await;
    assert_eq!((refused.status, refused.head.contains("connection: close")), (400, true), "{}", refused.head);
    assert_eq!(put(port.address, "/log-level", "").await.body, "warn\n", "an empty text restores the start");
    assert!(!tracing::enabled!(target: "own::part", tracing::Level::DEBUG));

    let closed = started(log, "192.0.2.0/24").await;
    let refused = put(closed.address, "/log-level", "debug").await;
    assert!(refused.status == 403 && refused.body.contains("--operator-networks"), "{}", refused.body);
    assert_eq!(get(closed.address, "/log-level").await.body, "warn\n");
}

#[tokio::test]
async fn port_without_a_log_changes_nothing() {
    let port = started(LogControl::default(), "127.0.0.0/8").await;
    assert_eq!(get(port.address, "/log-level").await.status, 404);
    assert_eq!(put(port.address, "/log-level", "debug").await.status, 400);
    let text = "DELETE /log-level HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let refused = HttpReply::read(&ask(port.address, text).await);
    assert!(refused.status == 405 && refused.head.contains("allow: get, head, put"), "{}", refused.head);
    assert_eq!(put(port.address, "/livez", "debug").await.status, 405);
}
