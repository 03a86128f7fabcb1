//! The processes of one server, by their ids: its first process, and that one's children.

use std::fs;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::time::{sleep, timeout};

/// How long a signal may take to show, even on a machine that is busy.
const SHOWN: Duration = Duration::from_secs(30);

/// Between two looks at what gives no event: the processes of others.
pub(super) const LOOK: Duration = Duration::from_millis(5);

/// A process's state (a letter of proc(5)) and its parent, or none when it is gone.
fn state(process: u32) -> Option<(char, u32)> {
    let line = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name stands in brackets and may have any characters.
    let mut fields = line.rsplit_once(") ")?.1.split(' ');
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

/// Whether the process has ended; what nobody has asked after yet has, too.
pub(super) fn ended(process: u32) -> bool {
    state(process).is_none_or(|(letter, _)| matches!(letter, 'Z' | 'X'))
}

/// Whether the process stands still, or has ended.
fn stopped(process: u32) -> bool {
    state(process).is_none_or(|(letter, _)| matches!(letter, 'T' | 't' | 'Z' | 'X'))
}

/// The children of a process.
pub(super) fn children(parent: u32) -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let processes = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    processes.filter(|process| state(*process).is_some_and(|(_, of)| of == parent)).collect()
}

/// Sends a signal; a process that has just ended needs none.
pub(super) fn signal(process: u32, signal: Signal) {
    if let Some(process) = i32::try_from(process).ok().and_then(Pid::from_raw) {
        let _ = kill_process(process, signal);
    }
}

/// Stops a process and its children until they are continued, and names the children.
///
/// The parent first, so that it makes no more children.
pub(super) async fn stop(parent: u32) -> Result<Vec<u32>, String> {
    signal(parent, Signal::STOP);
    until("stands still", || stopped(parent)).await?;
    let children = children(parent);
    for child in &children {
        signal(*child, Signal::STOP);
    }
    until("stand still", || children.iter().all(|child| stopped(*child))).await?;
    Ok(children)
}

/// Looks until it is so.
pub(super) async fn until(what: &str, is: impl Fn() -> bool) -> Result<(), String> {
    let looks = async {
        while !is() {
            sleep(LOOK).await;
        }
    };
    timeout(SHOWN, looks).await.map_err(|_| format!("nothing {what} after {} s", SHOWN.as_secs()))
}
