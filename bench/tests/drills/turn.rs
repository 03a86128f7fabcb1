//! One drill at a time.

use bench::drill::Report;
use tokio::sync::{Mutex, MutexGuard};

static DRILL_TURN: Mutex<()> = Mutex::const_new(());

/// Waits until no other drill runs. Each drill loads the machine, and passwords are hashed only on idle cores.
pub(super) async fn turn() -> MutexGuard<'static, ()> {
    DRILL_TURN.lock().await
}

#[track_caller]
pub(super) fn holds(report: &Report) {
    assert!(report.broken.is_empty(), "{:#?}\n{}", report.broken, report.lines.join("\n"));
}
