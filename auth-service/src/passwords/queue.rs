//! Queue of the hashing threads. Networks take turns, so that a flood from some of them leaves room for all others.

use std::collections::{HashMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Bounded queue with a line per network. The lines take turns.
pub(super) struct FairQueue<J> {
    lines: Mutex<Lines<J>>,
    changed: Condvar,
    capacity: usize,
    /// Maximum number of waiting jobs of one network.
    share: usize,
}

struct Lines<J> {
    waiting: HashMap<String, VecDeque<J>>,
    /// Networks with waiting jobs, the next one first.
    turns: VecDeque<String>,
    count: usize,
    is_closed: bool,
}

/// Error if the queue accepts no more jobs of this network.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

/// Answer to a thread that asks for a job.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NextJob<J> {
    Job(J),
    /// No job came in time.
    Idle,
    /// No job will come.
    Closed,
}

impl<J> FairQueue<J> {
    pub(super) fn new(capacity: usize, share: usize) -> Self {
        let lines = Lines { waiting: HashMap::new(), turns: VecDeque::new(), count: 0, is_closed: false };
        Self { lines: Mutex::new(lines), changed: Condvar::new(), capacity, share }
    }

    /// Adds a job to the line of this network. Callers of unknown networks share one line without a limit of its own.
    ///
    /// If the queue is full, drops the newest job of the longest line, if that line is longer than the caller's by more
    /// than one job.
    pub(super) fn push(&self, network: Option<&str>, job: J) -> Result<(), Full> {
        let (name, share) = network.map_or(("", self.capacity), |network| (network, self.share));
        let mut lines = self.lock();
        let own = lines.waiting.get(name).map_or(0, VecDeque::len);
        if own >= share || (lines.count >= self.capacity && !lines.shorten_longest(own + 1)) {
            return Err(Full);
        }
        if own == 0 {
            lines.turns.push_back(name.to_owned());
        }
        lines.waiting.entry(name.to_owned()).or_default().push_back(job);
        lines.count += 1;
        drop(lines);
        self.changed.notify_one();
        Ok(())
    }

    /// Fails if a job of this network would be refused now.
    pub(super) fn check(&self, network: Option<&str>) -> Result<(), Full> {
        let (name, share) = network.map_or(("", self.capacity), |network| (network, self.share));
        let mut lines = self.lock();
        let own = lines.waiting.get(name).map_or(0, VecDeque::len);
        let has_room = own < share && (lines.count < self.capacity || lines.longest(own + 1).is_some());
        if has_room { Ok(()) } else { Err(Full) }
    }

    /// Takes the next job; waits for one for at most `idle`.
    pub(super) fn next(&self, idle: Duration) -> NextJob<J> {
        let mut lines = self.lock();
        if lines.count == 0 && !lines.is_closed {
            let waited = self.changed.wait_timeout_while(lines, idle, |lines| lines.count == 0 && !lines.is_closed);
            lines = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        match lines.take() {
            Some(job) => NextJob::Job(job),
            None if lines.is_closed => NextJob::Closed,
            None => NextJob::Idle,
        }
    }

    /// Returns the number of waiting jobs.
    pub(super) fn len(&self) -> usize {
        self.lock().count
    }

    /// Ends the threads after they have run all waiting jobs.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Lines<J>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<J> Lines<J> {
    fn take(&mut self) -> Option<J> {
        let network = self.turns.pop_front()?;
        let line = self.waiting.get_mut(&network)?;
        let job = line.pop_front();
        if line.is_empty() {
            self.waiting.remove(&network);
        } else {
            self.turns.push_back(network);
        }
        self.count -= 1;
        job
    }

    /// Returns the longest line if it has more than `length` jobs.
    fn longest(&mut self, length: usize) -> Option<&mut VecDeque<J>> {
        self.waiting.values_mut().max_by_key(|line| line.len()).filter(|line| line.len() > length)
    }

    /// Drops the newest job of the longest line if that line has more than `length` jobs. Returns true if a job was
    /// dropped.
    fn shorten_longest(&mut self, length: usize) -> bool {
        let Some(line) = self.longest(length) else { return false };
        // At least one of two or more jobs remains, so the line keeps its turn.
        line.pop_back();
        self.count -= 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(queue: &FairQueue<&'static str>) -> Vec<&'static str> {
        let next = || match queue.next(Duration::ZERO) {
            NextJob::Job(job) => Some(job),
            NextJob::Idle | NextJob::Closed => None,
        };
        std::iter::from_fn(next).collect()
    }

    #[test]
    fn networks_take_turns() {
        let queue = FairQueue::new(8, 4);
        for (network, job) in [("a", "a1"), ("a", "a2"), ("a", "a3"), ("b", "b1"), ("c", "c1"), ("b", "b2")] {
            queue.push(Some(network), job).unwrap();
        }
        assert_eq!(taken(&queue), ["a1", "b1", "c1", "a2", "b2", "a3"]);
        assert!(queue.lock().waiting.is_empty() && queue.lock().turns.is_empty());
    }

    #[test]
    fn full_queue_makes_room_for_a_shorter_line() {
        let queue = FairQueue::new(4, 4);
        for job in ["a1", "a2", "a3", "a4"] {
            queue.push(Some("a"), job).unwrap();
        }
        assert_eq!(queue.check(Some("a")), Err(Full));
        assert_eq!(queue.push(Some("a"), "a5"), Err(Full));
        assert_eq!(queue.check(Some("b")), Ok(()));
        queue.push(Some("b"), "b1").unwrap();
        queue.push(Some("c"), "c1").unwrap();
        assert_eq!(queue.check(Some("b")), Err(Full));
        assert_eq!(queue.push(Some("b"), "b2"), Err(Full), "no line is longer by more than one");
        assert_eq!(taken(&queue), ["a1", "b1", "c1", "a2"]);
    }

    #[test]
    fn network_has_its_share() {
        let queue = FairQueue::new(8, 2);
        queue.push(Some("a"), "a1").unwrap();
        queue.push(Some("a"), "a2").unwrap();
        assert_eq!((queue.check(Some("a")), queue.check(Some("b")), queue.check(None)), (Err(Full), Ok(()), Ok(())));
        assert_eq!(queue.push(Some("a"), "a3"), Err(Full));
        for job in ["1", "2", "3"] {
            queue.push(None, job).unwrap();
        }
    }

    #[test]
    fn closed_queue_is_emptied() {
        let queue = FairQueue::new(8, 2);
        queue.push(Some("a"), "a1").unwrap();
        queue.close();
        assert_eq!(queue.next(Duration::from_mins(1)), NextJob::Job("a1"));
        assert_eq!(queue.next(Duration::from_mins(1)), NextJob::Closed);
    }
}
