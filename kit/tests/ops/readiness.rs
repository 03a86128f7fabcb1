//! Readiness follows the database, and probes share its writes.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use kit::ops::OpsLimits;
use testkit::http::get;
use tokio::task::JoinSet;

use super::support::{DatabaseState, started};

/// Limits without a shared result: each probe writes.
const WITHOUT_CACHE: OpsLimits = OpsLimits { fresh: Duration::ZERO, ..limits() };

const fn limits() -> OpsLimits {
    OpsLimits {
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
async fn full_disk_is_unready_until_it_has_room() {
    let port = started(WITHOUT_CACHE).await;
    assert_eq!(get(port.address, "/readyz").await.status, 200);
    port.disk.send_replace(DatabaseState::Full);
    let page = get(port.address, "/readyz").await;
    assert_eq!(page.status, 503);
    assert_eq!(page.body, "the database's disk is full: check the service's database\n");
    assert_eq!(get(port.address, "/livez").await.status, 200, "a restart would not help");
    port.disk.send_replace(DatabaseState::Writes);
    assert_eq!(get(port.address, "/readyz").await.status, 200);
}

#[tokio::test]
async fn hanging_write_is_unready_in_time() {
    let port = started(WITHOUT_CACHE).await;
    port.disk.send_replace(DatabaseState::Hangs);
    let page = get(port.address, "/readyz").await;
    assert_eq!(page.status, 503);
    assert_eq!(page.body, "the database has not written within 50ms: check the service's database\n");
    port.disk.send_replace(DatabaseState::Writes);
    assert_eq!(get(port.address, "/readyz").await.status, 200);
}

#[tokio::test]
async fn probes_share_a_write_and_its_result() {
    let port = started(OpsLimits { write: Duration::from_mins(1), ..limits() }).await;
    port.disk.send_replace(DatabaseState::Hangs);
    let mut probes = JoinSet::new();
    for _ in 0..20 {
        let address = port.address;
        probes.spawn(async move { get(address, "/readyz").await.status });
    }
    while port.writes.load(SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    port.disk.send_replace(DatabaseState::Writes);
    assert_eq!(probes.join_all().await, [200; 20]);
    assert_eq!(get(port.address, "/readyz").await.status, 200);
    assert_eq!(port.writes.load(SeqCst), 1);
}

#[tokio::test]
async fn disconnected_probe_causes_no_second_write() {
    let port = started(OpsLimits { write: Duration::from_mins(1), ..limits() }).await;
    port.disk.send_replace(DatabaseState::Hangs);
    let address = port.address;
    let gone = tokio::spawn(async move { get(address, "/readyz").await });
    while port.writes.load(SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    gone.abort();
    assert!(gone.await.unwrap_err().is_cancelled());
    let second = tokio::spawn(async move { get(address, "/readyz").await.status });
    assert_eq!(get(address, "/livez").await.status, 200);
    port.disk.send_replace(DatabaseState::Writes);
    assert_eq!(second.await.unwrap(), 200);
    assert_eq!(port.writes.load(SeqCst), 1);
}

#[tokio::test]
async fn stopping_service_is_unready_and_live() {
    let port = started(WITHOUT_CACHE).await;
    assert_eq!(get(port.address, "/readyz").await.status, 200);
    port.shutdown.cancel();
    let page = get(port.address, "/readyz").await;
    assert_eq!((page.status, page.body.as_str()), (503, "stopping: send calls to another replica\n"));
    assert_eq!(get(port.address, "/livez").await.status, 200);
    port.end.send(()).unwrap();
    port.task.await.unwrap();
    assert!(tokio::net::TcpStream::connect(port.address).await.is_err(), "the port is closed");
}
