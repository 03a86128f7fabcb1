//! Whether the port says what the database does, and how often it asks.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use kit::ops::OpsLimits;
use testkit::http::get;
use tokio::task::JoinSet;

use super::support::{Disk, started};

/// Each probe finds out for itself.
const ANEW: Limits = Limits { fresh: Duration::ZERO, ..limits() };

const fn limits() -> Limits {
    Limits {
        connections: 64,
        head: Duration::from_secs(5),
        head_bytes: 16 * 1024,
        head_fields: 64,
        age: Duration::from_mins(1),
        grace: Duration::from_secs(3),
        write: Duration::from_millis(50),
        fresh: Duration::from_hours(1),
    }
}

#[tokio::test]
async fn a_full_disk_is_said_and_passes() {
    let port = started(ANEW).await;
    assert_eq!(get(port.address, "/readyz").await.status, 200);
    port.disk.send_replace(Disk::Full);
    let page = get(port.address, "/readyz").await;
    assert_eq!(page.status, 503);
    assert_eq!(page.body, "the database's disk is full: see to the service's database\n");
    assert_eq!(get(port.address, "/livez").await.status, 200, "a restart would not help");
    port.disk.send_replace(Disk::Writes);
    assert_eq!(get(port.address, "/readyz").await.status, 200);
}

#[tokio::test]
async fn a_write_that_does_not_end_is_said_in_time() {
    let port = started(ANEW).await;
    port.disk.send_replace(Disk::Hangs);
    let page = get(port.address, "/readyz").await;
    assert_eq!(page.status, 503);
    assert_eq!(page.body, "the database has not written within 50ms: see to the service's database\n");
    port.disk.send_replace(Disk::Writes);
    assert_eq!(get(port.address, "/readyz").await.status, 200);
}

#[tokio::test]
async fn probes_share_a_write_and_what_came_of_it() {
    let port = started(Limits { write: Duration::from_mins(1), ..limits() }).await;
    port.disk.send_replace(Disk::Hangs);
    let mut probes = JoinSet::new();
    for _ in 0..20 {
        let address = port.address;
        probes.spawn(async move { get(address, "/readyz").await.status });
    }
    while port.writes.load(SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    port.disk.send_replace(Disk::Writes);
    assert_eq!(probes.join_all().await, [200; 20]);
    assert_eq!(get(port.address, "/readyz").await.status, 200);
    assert_eq!(port.writes.load(SeqCst), 1);
}

#[tokio::test]
async fn who_asks_and_goes_makes_it_write_no_more_often() {
    let port = started(Limits { write: Duration::from_mins(1), ..limits() }).await;
    port.disk.send_replace(Disk::Hangs);
    let address = port.address;
    let gone = tokio::spawn(async move { get(address, "/readyz").await });
    while port.writes.load(SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    gone.abort();
    assert!(gone.await.unwrap_err().is_cancelled());
    let second = tokio::spawn(async move { get(address, "/readyz").await.status });
    assert_eq!(get(address, "/livez").await.status, 200);
    port.disk.send_replace(Disk::Writes);
    assert_eq!(second.await.unwrap(), 200);
    assert_eq!(port.writes.load(SeqCst), 1);
}

#[tokio::test]
async fn a_service_that_stops_is_not_ready_but_lives_until_its_end() {
    let port = started(ANEW).await;
    assert_eq!(get(port.address, "/readyz").await.status, 200);
    port.shutdown.cancel();
    let page = get(port.address, "/readyz").await;
    assert_eq!((page.status, page.body.as_str()), (503, "stopping: send calls to another replica\n"));
    assert_eq!(get(port.address, "/livez").await.status, 200);
    port.end.send(()).unwrap();
    port.task.await.unwrap();
    assert!(tokio::net::TcpStream::connect(port.address).await.is_err(), "the port is closed");
}
