//! Standard output and standard error that never block or fail their callers.
//!
//! The reader of a service's output may stall or go away, or its disk may fill up. Each stream has a bounded queue and
//! one writing thread. A line without room, or one that cannot be written, is dropped and counted.

mod format;
mod note;
mod queue;
mod writer;

use std::io;
use std::os::fd::AsFd as _;
use std::sync::{Arc, LazyLock};

pub use format::LogFormat;
pub(crate) use format::{CUT_MARK, MAX_VALUE_BYTES, write_json};
pub(crate) use note::{json_line, time};
pub(crate) use queue::{LineQueue, LogWriter};

use crate::shutdown::Shutdown;

// Both streams belong to the process, so each has one queue in it.
static STDOUT: LazyLock<Arc<LineQueue>> = LazyLock::new(|| writer::start("stdout", io::stdout().as_fd(), &WRITER_DIED));
static STDERR: LazyLock<Arc<LineQueue>> = LazyLock::new(|| writer::start("stderr", io::stderr().as_fd(), &WRITER_DIED));

/// Cancelled when a writing thread has died.
static WRITER_DIED: LazyLock<Shutdown> = LazyLock::new(Shutdown::new);

/// Waits until a thread that writes one of the streams has died: its lines are lost from then on.
pub(crate) async fn writer_died() {
    WRITER_DIED.cancelled().await;
}

/// Writes a line to standard output, for scripts that read it.
pub fn out(line: &str) {
    STDOUT.push_line(line);
}

/// Writes a line to standard error, behind the earlier lines of the log.
pub fn err(line: &str) {
    STDERR.push_line(line);
}

/// Writes the reason for the end of a program to standard error, in the form of the log.
pub(crate) fn fail(name: &str, problem: &str) {
    match LogFormat::current() {
        LogFormat::Text => err(&format!("{name}: {problem}")),
        LogFormat::Json => err(&json_line("ERROR", name, format_args!("{problem}"))),
    }
}

/// Returns the queue of standard error, for the log.
pub(crate) fn stderr() -> Arc<LineQueue> {
    Arc::clone(&STDERR)
}

/// Returns the number of lines for standard error that were dropped since the start.
pub fn dropped_log_lines() -> u64 {
    STDERR.dropped()
}

/// Guard that waits for the last lines when it is dropped, at the end of the process.
///
/// The wait ends after one second without progress, and after five seconds in any case, so that a stalled reader does
/// not delay the end.
#[derive(Debug)]
#[must_use = "dropping it waits for the last lines"]
pub struct FlushAtEnd;

impl Drop for FlushAtEnd {
    fn drop(&mut self) {
        for stream in [&STDERR, &STDOUT] {
            // A stream without a line has no thread.
            if let Some(queue) = LazyLock::get(stream) {
                queue.flush();
            }
        }
    }
}
