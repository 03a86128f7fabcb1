//! SQLite: several writes wait while another program holds the write lock.

mod groups;
mod metrics;
mod reads;
mod turns;
mod whole_file;

use std::fs;
use std::path::Path;

use testkit::Outsider;

use crate::support::Case;

/// Returns another program that holds the write lock until it is closed.
async fn locked(case: &Case) -> Outsider {
    let mut outsider = Outsider::open(case.database.path()).await;
    outsider.lock().await;
    outsider
}

/// Returns the number of commits in the write-ahead log. Only the last frame of a commit records the size of the
/// database; other frames record zero (<https://sqlite.org/fileformat2.html#the_write_ahead_log>).
fn commits(path: &Path) -> usize {
    const LOG_HEADER: usize = 32;
    const FRAME_HEADER: usize = 24;
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    let log = fs::read(name).unwrap();
    let word = |at: usize| u32::from_be_bytes(log[at..at + 4].try_into().unwrap());
    let page = usize::try_from(word(8)).unwrap();
    (LOG_HEADER..log.len()).step_by(FRAME_HEADER + page).filter(|frame| word(frame + 4) > 0).count()
}
