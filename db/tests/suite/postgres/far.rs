//! A distant server: time limits grow with the distance, up to a maximum.

use std::time::Duration;

use db::{DatabaseUrl, OpenError, TransactionOutcome};
use testkit::proxy::Proxy;

use crate::support::{Notes, add_all, open};

#[tokio::test]
async fn server_at_maximum_distance_is_served() {
    let Some(server) = testkit::postgres::server().await else { return };
    let proxy = Proxy::to_socket(server.socket());
    proxy.latency(Duration::from_millis(50));
    let url: DatabaseUrl = server.url_at(proxy.address(), "postgres").parse().unwrap();
    let notes = Notes { db: open(&url).await.unwrap() };
    let many = [(1, "a"), (2, "b"), (3, "c"), (4, "d"), (5, "e"), (6, "f")];
    add_all(notes.db.clone(), &many, TransactionOutcome::Commit).await.unwrap();
    assert_eq!(notes.notes().await, [1, 2, 3, 4, 5, 6]);
    notes.db.close().await;
}

#[tokio::test]
async fn server_too_far_is_refused_with_its_distance() {
    let Some(server) = testkit::postgres::server().await else { return };
    let proxy = Proxy::to_socket(server.socket());
    proxy.latency(Duration::from_millis(70));
    let url: DatabaseUrl = server.url_at(proxy.address(), "postgres").parse().unwrap();
    let error = open(&url).await.expect_err("the server is too far away");
    assert!(matches!(error, OpenError::Far(_, 140..)), "{error}");
    let wanted = "(one round trip), and at most 100 ms work: run this service nearer to its database";
    assert!(error.to_string().ends_with(wanted), "{error}");
}
