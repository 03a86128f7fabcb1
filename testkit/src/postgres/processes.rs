//! Processes of one server: the first process and its children.

use std::fs;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::time::{sleep, timeout};

/// Time limit of the effect of a signal, for a busy machine.
const SIGNAL_TIMEOUT: Duration = Duration::from_secs(30);

/// Pause between two checks of other processes, because no event reports their state.
pub(super) const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Returns a process's state (a letter of proc(5)) and its parent, or `None` after its end.
fn state(process: u32) -> Option<(char, u32)> {
    let line = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name is in parentheses and may contain any characters.
    let mut fields = line.rsplit_once(") ")?.1.split(' ');
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

/// Returns true if the process has ended; a zombie has ended.
pub(super) fn ended(process: u32) -> bool {
    state(process).is_none_or(|(letter, _)| matches!(letter, 'Z' | 'X'))
}

/// Returns true if the process is stopped or has ended.
fn stopped(process: u32) -> bool {
    state(process).is_none_or(|(letter, _)| matches!(letter, 'T' | 't' | 'Z' | 'X'))
}

/// Returns the children of a process.
pub(super) fn children(parent: u32) -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let processes = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    processes.filter(|process| state(*process).is_some_and(|(_, of)| of == parent)).collect()
}

/// Sends a signal; ignores a process that has ended.
pub(super) fn signal(process: u32, signal: Signal) {
    if let Some(process) = i32::try_from(process).ok().and_then(Pid::from_raw) {
        let _ = kill_process(process, signal);
    }
}

/// Stops a process and its children, and returns the children.
///
/// The parent stops first, so that it forks no more children.
pub(super) async fn stop(parent: u32) -> Result<Vec<u32>, String> {
    signal(parent, Signal::STOP);
    until("stop of the first process", || stopped(parent)).await?;
    let children = children(parent);
    for child in &children {
        signal(*child, Signal::STOP);
    }
    until("stop of the children", || children.iter().all(|child| stopped(*child))).await?;
    Ok(children)
}

/// Waits until the condition holds.
pub(super) async fn until(what: &str, is: impl Fn() -> bool) -> Result<(), String> {
    let polling = async {
        while !is() {
            sleep(POLL_INTERVAL).await;
        }
    };
    timeout(SIGNAL_TIMEOUT, polling).await.map_err(|_| format!("{what}: not within {} s", SIGNAL_TIMEOUT.as_secs()))
}
