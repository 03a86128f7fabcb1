//! The calls that wait for a connection, the first of them first.

use std::collections::VecDeque;
use std::time::Duration;

use sqlx::Error;
use tokio::sync::oneshot::{self, Receiver, Sender};
use tokio::time::Instant;

use super::Used;

/// Longest wait of a call behind others that have waited in vain.
const BRIEF: Duration = Duration::from_millis(50);

pub(super) type Call = Sender<Result<Used, Error>>;

/// Calls in the order in which they came. Those that have gone are taken out by the next look.
#[derive(Debug, Default)]
pub(super) struct Queue {
    calls: VecDeque<Call>,
    /// The time since which there has always been a call.
    since: Option<Instant>,
}

impl Queue {
    /// Puts a call at the end.
    pub(super) fn join(&mut self) -> Receiver<Result<Used, Error>> {
        self.len();
        let (call, coming) = oneshot::channel();
        self.calls.push_back(call);
        self.since.get_or_insert_with(Instant::now);
        coming
    }

    /// Takes the first call out.
    pub(super) fn first(&mut self) -> Option<Call> {
        self.len();
        let first = self.calls.pop_front();
        self.len();
        first
    }

    /// Takes all calls out.
    pub(super) fn all(&mut self) -> Vec<Call> {
        self.since = None;
        self.calls.drain(..).collect()
    }

    /// Returns the number of calls that wait.
    pub(super) fn len(&mut self) -> usize {
        self.calls.retain(|call| !call.is_closed());
        if self.calls.is_empty() {
            self.since = None;
        }
        self.calls.len()
    }

    /// Returns the longest wait of another call: `longest`, or a brief one where calls have waited in vain.
    pub(super) fn longest(&mut self, longest: Duration) -> Duration {
        self.len();
        let is_overdue = self.since.is_some_and(|since| since.elapsed() >= longest);
        if is_overdue { longest.min(BRIEF) } else { longest }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn calls_behind_those_that_wait_in_vain_are_refused_soon() {
        const LONGEST: Duration = Duration::from_millis(400);
        let mut queue = Queue::default();
        let first = queue.join();
        advance(LONGEST / 2).await;
        let second = queue.join();
        assert_eq!(queue.longest(LONGEST), LONGEST);
        advance(LONGEST / 2).await;
        drop(first);
        assert_eq!((queue.len(), queue.longest(LONGEST)), (1, BRIEF), "there has been a call all the time");
        drop(second);
        assert_eq!((queue.len(), queue.longest(LONGEST)), (0, LONGEST));
    }

    #[tokio::test]
    async fn calls_that_have_gone_get_nothing() {
        let mut queue = Queue::default();
        let (gone, mut waits) = (queue.join(), queue.join());
        drop(gone);
        queue.first().unwrap().send(Err(Error::PoolClosed)).unwrap();
        assert!(matches!(waits.try_recv(), Ok(Err(Error::PoolClosed))));
        assert!(queue.first().is_none());
    }
}
