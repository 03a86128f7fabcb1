//! A start or a stop on SQLite that is killed before any of its writes: the next start succeeds, and no data is lost.

use std::path::Path;

use rustix::process::Signal;
use testkit::disk::{Disk, writes};

use super::outsider::Outsider;
use super::pair::folder;
use super::service::{BOTH, Service, Which, command, file};

/// Number of starts that run in parallel.
const LANES: u64 = 4;

/// Creates the database of an older version with rows; does nothing for migration 0.
async fn older(which: Which, from: i64, path: &Path) {
    if from > 0 {
        let mut outsider = Outsider::of_file(path).await;
        outsider.make_older(which, from).await;
    }
}

/// Starts the service on a disk, and returns `true` if it serves before it is killed. Then stops it, which also writes,
/// so that it may be killed then.
fn start_on(disk: &Disk, which: Which, path: &Path) -> bool {
    let mut command = command(which, &file(path));
    let mut service = Service::spawn(disk.apply(&mut command), Vec::new());
    let serves = service.serves_or_ends();
    service.signal(Signal::TERM);
    assert!(matches!(service.code(), Some(0) | None), "the service stops or is killed");
    serves
}

/// Returns the number of writes of an undisturbed start and stop.
async fn undisturbed(which: Which, from: i64) -> u64 {
    let (folder, outside) = (folder(), folder());
    let path = folder.path().join("a.db");
    older(which, from, &path).await;
    let count = outside.path().join("writes");
    assert!(start_on(&Disk::for_path(folder.path()).count_in(&count), which, &path));
    writes(&count)
}

/// Kills a start before this write, and starts again.
async fn kill_at(which: Which, from: i64, write: u64) {
    let folder = folder();
    let path = folder.path().join("a.db");
    older(which, from, &path).await;
    start_on(&Disk::for_path(folder.path()).kill_at(write), which, &path);
    Service::start(which, &file(&path)).serves();
    Outsider::of_file(&path).await.check(which, from > 0).await;
}

/// Kills a start before each of its writes.
async fn kill_at_each_write(which: Which, from: i64) {
    let last = undisturbed(which, from).await;
    assert!(last >= 10, "only {last} writes were seen");
    let lanes: Vec<_> = (1..=LANES)
        .map(|lane| {
            tokio::spawn(async move {
                for write in (lane..=last).step_by(usize::try_from(LANES).unwrap()) {
                    kill_at(which, from, write).await;
                }
            })
        })
        .collect();
    for lane in lanes {
        lane.await.unwrap();
    }
    println!("killed before each of {last} writes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 5)]
async fn start_is_killed_on_a_new_file() {
    for which in BOTH {
        kill_at_each_write(which, 0).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 5)]
async fn start_is_killed_on_an_older_file() {
    for which in BOTH {
        kill_at_each_write(which, 1).await;
    }
}
