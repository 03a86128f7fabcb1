//! Thread that writes a queue's lines. Only this code waits for the reader of the output.

use std::convert::Infallible;
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::BorrowedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use super::note::left_out;
use super::queue::{LineQueue, QUEUE_BYTES};
use crate::shutdown::Shutdown;

/// Starts the thread of this name, which writes to a copy of the descriptor.
///
/// The copy keeps the thread away from the lock of `std::io::stderr`. A thread that waits for a reader would hold that
/// lock, and a panic's message would wait for it.
///
/// `died` is cancelled if the thread panics or does not start.
pub(super) fn start(name: &str, descriptor: BorrowedFd<'_>, died: &Shutdown) -> Arc<LineQueue> {
    let queue = Arc::new(LineQueue::new(QUEUE_BYTES));
    let (lines, on_panic) = (Arc::clone(&queue), died.clone());
    let started = descriptor.try_clone_to_owned().and_then(|descriptor| {
        let file = File::from(descriptor);
        thread::Builder::new().name(name.to_owned()).spawn(move || write_all(&lines, || Descriptor(&file), &on_panic))
    });
    if started.is_err() {
        queue.close();
        died.cancel();
    }
    queue
}

/// Writes all lines. If this panics, another writer writes the reason and the last lines, since the process then ends.
fn write_all<W: Write>(queue: &Arc<LineQueue>, open: impl Fn() -> W, died: &Shutdown) {
    for _ in 0..2 {
        let run = || LineWriter::new(open(), Arc::clone(queue)).run();
        let Err(_panic) = catch_unwind(AssertUnwindSafe(run));
        died.cancel();
    }
    queue.close();
}

/// Writer of lines, which counts the lines that cannot be written.
struct LineWriter<W> {
    out: W,
    queue: Arc<LineQueue>,
    /// Lines that could not be written since the last written one.
    lost: u64,
    /// True if the last line was written in part.
    is_torn: bool,
}

impl<W: Write> LineWriter<W> {
    fn new(out: W, queue: Arc<LineQueue>) -> Self {
        Self { out, queue, lost: 0, is_torn: false }
    }

    fn run(mut self) -> Infallible {
        loop {
            let line = self.queue.next();
            self.write(&line);
        }
    }

    /// Writes a line. If lines before it were lost, a note about them comes first.
    fn write(&mut self, line: &[u8]) {
        if self.lost > 0 && self.try_write(&left_out(self.lost)) {
            self.lost = 0;
        }
        if self.lost > 0 || !self.try_write(line) {
            self.lost += 1;
            self.queue.count_dropped();
        }
    }

    /// Writes all of the text, on a line of its own. Returns false if it could not be written.
    fn try_write(&mut self, text: &[u8]) -> bool {
        let begun = if self.is_torn { [b"\n", text].concat() } else { text.to_vec() };
        let mut rest = &begun[..];
        while !rest.is_empty() {
            match self.out.write(rest) {
                Ok(0) => break,
                Ok(count) => rest = &rest[count..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        self.is_torn = !rest.is_empty() && (self.is_torn || rest.len() < begun.len());
        rest.is_empty()
    }
}

/// Stream of the process, which another process may have made non-blocking.
struct Descriptor<'f>(&'f File);

impl Write for Descriptor<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        loop {
            match self.0.write(bytes) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => wait_for_room(self.0)?,
                written => return written,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Waits until the descriptor takes bytes, or has lost its reader.
fn wait_for_room(file: &File) -> io::Result<()> {
    match poll(&mut [PollFd::new(file, PollFlags::OUT)], None) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{PipeWriter, Read as _};
    use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

    use super::*;

    /// Disk with room for some bytes.
    #[derive(Default)]
    struct SmallDisk {
        room: usize,
        text: Vec<u8>,
    }

    impl Write for SmallDisk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let count = bytes.len().min(self.room);
            if count == 0 {
                return Err(ErrorKind::StorageFull.into());
            }
            self.room -= count;
            self.text.extend_from_slice(&bytes[..count]);
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn full_disk_loses_lines_and_the_next_one_notes_it() {
        let queue = Arc::new(LineQueue::new(QUEUE_BYTES));
        let mut writer = LineWriter::new(SmallDisk { room: 9, ..SmallDisk::default() }, Arc::clone(&queue));
        for line in ["first\n", "second\n", "third\n"] {
            writer.write(line.as_bytes());
        }
        assert_eq!(queue.dropped(), 2);
        writer.out.room = 1000;
        writer.write(b"fourth\n");
        let text = String::from_utf8(writer.out.text).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!((lines.len(), lines[0], lines[1], lines[3]), (4, "first", "sec", "fourth"), "{text}");
        assert!(lines[2].ends_with("log lines left out count=2"), "{text}");
        assert_eq!(queue.dropped(), 2);
    }

    #[test]
    fn non_blocking_pipe_is_waited_for() {
        let (mut reader, pipe) = io::pipe().unwrap();
        rustix::io::ioctl_fionbio(&pipe, true).unwrap();
        let queue = Arc::new(LineQueue::new(QUEUE_BYTES));
        let (line, lines) = (vec![b'x'; 1024 * 1024], Arc::clone(&queue));
        let file = File::from(std::os::fd::OwnedFd::from(pipe));
        let writing = thread::spawn(move || LineWriter::new(Descriptor(&file), lines).write(&line));
        let mut read = Vec::new();
        reader.read_to_end(&mut read).unwrap();
        writing.join().unwrap();
        assert_eq!((read.len(), queue.dropped()), (1024 * 1024, 0));
    }

    #[test]
    fn reader_that_is_gone_loses_only_lines() {
        let (reader, pipe) = io::pipe().unwrap();
        drop(reader);
        let queue = Arc::new(LineQueue::new(QUEUE_BYTES));
        let mut writer = LineWriter::new(pipe, Arc::clone(&queue));
        writer.write(b"a line\n");
        writer.write(b"a line\n");
        assert_eq!(queue.dropped(), 2);
    }

    #[test]
    fn flush_waits_for_the_last_line() {
        let (mut reader, pipe) = io::pipe().unwrap();
        let queue = Arc::new(LineQueue::new(QUEUE_BYTES));
        for _ in 0..100 {
            queue.push_line("a line");
        }
        let writer = LineWriter::new(pipe, Arc::clone(&queue));
        thread::spawn(move || writer.run());
        queue.flush();
        let mut read = vec![0; 700];
        reader.read_exact(&mut read).unwrap();
        assert_eq!(read, b"a line\n".repeat(100));
    }
    /// Disk whose first write panics.
    struct PanickingDisk(Arc<AtomicBool>, PipeWriter);

    impl Write for PanickingDisk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            assert!(self.0.swap(true, Relaxed), "as the test requested");
            self.1.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn dead_writer_is_noticed_and_last_lines_are_written() {
        let (mut reader, pipe) = io::pipe().unwrap();
        let queue = Arc::new(LineQueue::new(QUEUE_BYTES));
        let (died, panicked, lines) = (Shutdown::new(), Arc::new(AtomicBool::new(false)), Arc::clone(&queue));
        let on_panic = died.clone();
        queue.push_line("a line that is lost");
        thread::spawn(move || {
            let open = || PanickingDisk(Arc::clone(&panicked), pipe.try_clone().unwrap());
            write_all(&lines, open, &on_panic);
        });
        while !died.is_cancelled() {
            thread::yield_now();
        }
        queue.push_line("the reason");
        queue.flush();
        let mut read = [0; 11];
        reader.read_exact(&mut read).unwrap();
        assert_eq!(&read, b"the reason\n");
    }
}
