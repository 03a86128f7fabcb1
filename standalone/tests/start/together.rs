//! F14: processes that start at the same time on one database: one migrates, the others wait, and all serve.

use super::outsider::{Outsider, count};
use super::service::{BOTH, Service, Which};
use super::steps;
use super::tokens::{is_active, register};

/// Starts this many processes at once on an older database with rows, and waits until all serve.
async fn start(which: Which, processes: usize, from: i64) {
    let Some(database) = testkit::postgres::database().await else { return };
    let mut outsider = Outsider::of_server(&database.url).await;
    if from > 0 {
        outsider.make_older(which, from).await;
    }
    steps::count(&mut outsider).await;
    let mut services: Vec<_> = (0..processes).map(|_| Service::start(which, &database.url)).collect();
    let addresses: Vec<_> = services.iter_mut().map(Service::serves).collect();
    outsider.check(which, from > 0).await;
    steps::check_made_once(&mut outsider).await;
    if which == Which::Auth && from == 0 {
        let token = register(&addresses[0]).await;
        for address in &addresses {
            assert!(is_active(address, &token).await, "all sign with one key");
        }
    }
}

/// F14: two processes start together on an empty database.
#[tokio::test(flavor = "multi_thread")]
async fn two_start_together_on_an_empty_database() {
    for which in BOTH {
        start(which, 2, 0).await;
    }
}

/// F14: five processes start together on an empty database.
#[tokio::test(flavor = "multi_thread")]
async fn five_start_together_on_an_empty_database() {
    for which in BOTH {
        start(which, 5, 0).await;
    }
}

/// F14: two and five processes start together on each older database with rows.
#[tokio::test(flavor = "multi_thread")]
async fn processes_start_together_on_each_older_database() {
    for which in BOTH {
        for from in 1..count(which) {
            for processes in [2, 5] {
                start(which, processes, from).await;
            }
        }
    }
}
