//! Queue of lines for one writing thread, bounded in bytes. Callers never wait.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tracing_subscriber::fmt::MakeWriter;

use super::note::left_out;

/// Capacity of a queue, in bytes.
pub(super) const QUEUE_BYTES: usize = 4 * 1024 * 1024;

/// Bytes of a line besides its text.
const LINE_OVERHEAD_BYTES: usize = size_of::<Vec<u8>>();

/// Time to wait for one line at the end of the process.
const FLUSH_STALL_LIMIT: Duration = Duration::from_secs(1);

/// Time to wait for all lines at the end of the process.
const FLUSH_LIMIT: Duration = Duration::from_secs(5);

/// Queue of lines for one writing thread.
#[derive(Debug)]
pub(crate) struct LineQueue {
    state: Mutex<QueueState>,
    arrived: Condvar,
    settled: Condvar,
    dropped: AtomicU64,
    capacity: usize,
}

#[derive(Debug, Default)]
struct QueueState {
    lines: VecDeque<Vec<u8>>,
    /// Bytes of `lines`, with the overhead of each line.
    bytes: usize,
    /// Lines without room since the last note.
    left_out: u64,
    /// Lines that the writer has taken so far.
    taken: u64,
    /// True while the writer writes a line.
    is_writing: bool,
    /// True if there is no writer.
    is_closed: bool,
}

impl LineQueue {
    /// Creates a queue that holds this many bytes.
    pub(super) fn new(capacity: usize) -> Self {
        let (state, arrived, settled) = Default::default();
        Self { state, arrived, settled, dropped: AtomicU64::new(0), capacity }
    }

    /// Appends a line, and adds its line break.
    pub(crate) fn push_line(&self, line: &str) {
        self.push(format!("{line}\n").into_bytes());
    }

    /// Appends a line, or drops and counts it if there is no room.
    pub(super) fn push(&self, line: Vec<u8>) {
        let mut state = self.lock();
        if !state.has_room(line.len(), self.capacity) {
            state.left_out += 1;
            self.count_dropped();
            return;
        }
        if state.left_out > 0 {
            let note = left_out(std::mem::take(&mut state.left_out));
            state.add(note);
        }
        state.add(line);
        drop(state);
        self.arrived.notify_one();
    }

    /// Counts a line that is not written.
    pub(super) fn count_dropped(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the number of lines that were not written.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Drops all lines from now on: there is no writer.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
    }

    /// Returns the next line to the writer; waits for one if the queue is empty.
    pub(super) fn next(&self) -> Vec<u8> {
        let mut state = self.lock();
        state.is_writing = false;
        self.settled.notify_all();
        loop {
            if let Some(line) = state.take() {
                return line;
            }
            state = self.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits until all lines are written, or until the reader has stalled for too long.
    pub(super) fn flush(&self) {
        let end = Instant::now() + FLUSH_LIMIT;
        let mut state = self.lock();
        while !state.is_settled() {
            let taken = state.taken;
            let limit = FLUSH_STALL_LIMIT.min(end.saturating_duration_since(Instant::now()));
            let waiting = |state: &mut QueueState| state.taken == taken && !state.is_settled();
            let waited = self.settled.wait_timeout_while(state, limit, waiting);
            let (next, elapsed) = waited.unwrap_or_else(PoisonError::into_inner);
            if elapsed.timed_out() {
                return;
            }
            state = next;
        }
    }

    fn lock(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl QueueState {
    /// Returns true if there is room for a line of this length. After a dropped line, half of the queue must be free
    /// first. So a full queue causes few notes.
    fn has_room(&self, length: usize, capacity: usize) -> bool {
        let capacity = if self.left_out > 0 { capacity / 2 } else { capacity };
        !self.is_closed && self.bytes + length + LINE_OVERHEAD_BYTES <= capacity
    }

    fn add(&mut self, line: Vec<u8>) {
        self.bytes += line.len() + LINE_OVERHEAD_BYTES;
        self.lines.push_back(line);
    }

    /// Takes the first line, or the note about lines that were dropped after the last one.
    fn take(&mut self) -> Option<Vec<u8>> {
        let line = match self.lines.pop_front() {
            Some(line) => {
                self.bytes -= line.len() + LINE_OVERHEAD_BYTES;
                line
            }
            None if self.left_out > 0 => left_out(std::mem::take(&mut self.left_out)),
            None => return None,
        };
        self.taken += 1;
        self.is_writing = true;
        Some(line)
    }

    fn is_settled(&self) -> bool {
        self.is_closed || self.lines.is_empty() && !self.is_writing && self.left_out == 0
    }
}

/// Handle with which the log writes into a queue; each event is one `write`.
#[derive(Debug)]
pub(crate) struct LogWriter(pub(crate) Arc<LineQueue>);

impl<'a> MakeWriter<'a> for LogWriter {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> &'a Self {
        self
    }
}

impl io::Write for &LogWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.push(line.to_vec());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns a queue with room for four lines of ten bytes.
    fn small() -> LineQueue {
        LineQueue::new(4 * (10 + LINE_OVERHEAD_BYTES))
    }

    fn push(queue: &LineQueue, count: usize) {
        for _ in 0..count {
            queue.push(b"123456789\n".to_vec());
        }
    }

    #[test]
    fn full_queue_drops_counts_and_notes_the_gap() {
        let queue = small();
        push(&queue, 7);
        assert_eq!(queue.dropped(), 3);
        for _ in 0..4 {
            assert_eq!(queue.next(), b"123456789\n");
        }
        let note = String::from_utf8(queue.next()).unwrap();
        assert!(note.ends_with(" WARN kit::output: log lines left out count=3\n"), "{note}");
        push(&queue, 1);
        assert_eq!(queue.next(), b"123456789\n", "the gap is noted once");
    }

    #[test]
    fn note_stands_where_the_lines_are_missing() {
        let queue = LineQueue::new(1024 + 2 * LINE_OVERHEAD_BYTES);
        queue.push(vec![b'1'; 1024]);
        queue.push(vec![b'2'; 1024]);
        assert_eq!(queue.next()[0], b'1');
        queue.push(b"3".to_vec());
        assert!(String::from_utf8(queue.next()).unwrap().contains("count=1"));
        assert_eq!(queue.next(), b"3");
        assert_eq!(queue.dropped(), 1);
    }

    #[test]
    fn closed_queue_drops_all_and_has_nothing_to_flush() {
        let queue = small();
        queue.close();
        push(&queue, 2);
        assert_eq!(queue.dropped(), 2);
        queue.flush();
    }
}
