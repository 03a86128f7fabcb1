//! A database file belongs to one process. A second process waits two seconds, because restarts may overlap, and is
//! then refused.

use std::time::{Duration, Instant};

use super::outsider::Outsider;
use super::pair::folder;
use super::service::{BOTH, Service, Which, file};

/// Part of the line of a process that waits for the other one's end.
const WAITS: &str = "is in use by another process: waiting";

#[test]
fn one_of_five_starts_at_once_serves() {
    for which in BOTH {
        let folder = folder();
        let path = folder.path().join("a.db");
        let mut all: Vec<_> = (0..5).map(|_| Service::start(which, &file(&path))).collect();
        let is_waiting = all.iter_mut().map(|service| service.wait_for_line(&["listening on", WAITS]).contains(WAITS));
        let is_waiting: Vec<_> = is_waiting.collect();
        let (waiting, serving): (Vec<_>, Vec<_>) = all.into_iter().zip(is_waiting).partition(|(_, waits)| *waits);
        assert_eq!(serving.len(), 1);
        let refused = waiting.into_iter().map(|(service, _)| service.refuses(1));
        let sentence =
            format!("{} is in use by another process: stop that process first, or use another folder", path.display());
        assert_eq!(refused.collect::<Vec<_>>(), vec![sentence; 4]);
    }
}

#[test]
fn second_process_is_refused_after_two_seconds() {
    let folder = folder();
    let path = folder.path().join("a.db");
    let mut first = Service::start(Which::Blog, &file(&path));
    first.serves();
    let mut second = Service::start(Which::Blog, &file(&path));
    second.wait_for_line(&[WAITS]);
    let waiting = Instant::now();
    second.refuses(1);
    let waited = waiting.elapsed();
    assert!(waited > Duration::from_secs(1) && waited < Duration::from_secs(10), "{waited:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn restart_may_overlap() {
    for which in BOTH {
        let folder = folder();
        let path = folder.path().join("a.db");
        let mut first = Service::start(which, &file(&path));
        first.serves();
        let mut second = Service::start(which, &file(&path));
        second.wait_for_line(&[WAITS]);
        first.stop();
        second.serves();
        second.stop();
        Outsider::of_file(&path).await.check(which, false).await;
    }
}
