//! The guards that listen to this replica, and how far each of them has said that it has come.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// All guards that listen now.
#[derive(Clone, Debug, Default)]
pub struct Listeners(Arc<Mutex<Board>>);

/// One guard, for as long as it listens.
#[derive(Debug)]
pub struct Listener {
    number: u64,
    all: Listeners,
}

#[derive(Debug, Default)]
struct Board {
    last: u64,
    /// The revision that each has acknowledged.
    acknowledged: HashMap<u64, i64>,
    waiting: Vec<Waiting>,
}

/// Somebody waits until all guards that have listened when it began have come so far, or gone.
#[derive(Debug)]
struct Waiting {
    revision: i64,
    missing: HashSet<u64>,
    done: Option<oneshot::Sender<()>>,
}

impl Listeners {
    /// A guard that knows of all revocations up to this revision.
    pub fn join(&self, revision: i64) -> Listener {
        let mut board = self.board();
        board.last += 1;
        let number = board.last;
        board.acknowledged.insert(number, revision);
        Listener { number, all: self.clone() }
    }

    /// Waits until every guard that listens now has acknowledged this revision, or has gone.
    pub async fn all_have(&self, revision: i64) {
        let all = {
            let mut board = self.board();
            let behind = board.acknowledged.iter().filter(|(_, acknowledged)| **acknowledged < revision);
            let missing: HashSet<_> = behind.map(|(number, _)| *number).collect();
            if missing.is_empty() {
                return;
            }
            board.waiting.retain(|waiting| !waiting.is_over());
            let (done, all) = oneshot::channel();
            board.waiting.push(Waiting { revision, missing, done: Some(done) });
            all
        };
        // The sender is never dropped before it has been used.
        let _ = all.await;
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener {
    /// The guard has come to this revision.
    pub fn acknowledge(&self, revision: i64) {
        let mut board = self.all.board();
        board.acknowledged.insert(self.number, revision);
        board.has(self.number, revision);
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut board = self.all.board();
        board.acknowledged.remove(&self.number);
        board.has(self.number, i64::MAX);
    }
}

impl Board {
    /// This guard has all up to this revision.
    fn has(&mut self, number: u64, revision: i64) {
        self.waiting.retain_mut(|waiting| {
            if waiting.revision <= revision {
                waiting.missing.remove(&number);
            }
            let is_over = waiting.is_over();
            if let Some(done) = waiting.done.take_if(|_| is_over) {
                let _ = done.send(());
            }
            !is_over
        });
    }
}

impl Waiting {
    /// Nobody waits any more, or for nothing.
    fn is_over(&self) -> bool {
        self.missing.is_empty() || self.done.as_ref().is_none_or(oneshot::Sender::is_closed)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn is_done(waiting: impl Future<Output = ()>) -> bool {
        pin!(waiting).poll(&mut Context::from_waker(Waker::noop())) == Poll::Ready(())
    }

    #[test]
    fn whoever_waits_waits_for_those_who_listen_and_for_nobody_else() {
        let listeners = Listeners::default();
        assert!(is_done(listeners.all_have(7)), "nobody listens");
        let (early, late) = (listeners.join(3), listeners.join(7));
        assert!(is_done(listeners.all_have(3)));
        let mut context = Context::from_waker(Waker::noop());
        let (mut seven, mut eight) = (pin!(listeners.all_have(7)), pin!(listeners.all_have(8)));
        assert!(seven.as_mut().poll(&mut context).is_pending() && eight.as_mut().poll(&mut context).is_pending());
        let newcomer = listeners.join(0);
        early.acknowledge(6);
        newcomer.acknowledge(9);
        newcomer.acknowledge(2);
        drop(newcomer);
        assert!(seven.as_mut().poll(&mut context).is_pending());
        early.acknowledge(9);
        assert!(seven.as_mut().poll(&mut context).is_ready());
        assert!(eight.as_mut().poll(&mut context).is_pending());
        drop(late);
        assert!(eight.as_mut().poll(&mut context).is_ready(), "whoever has gone is not waited for");
    }

    #[test]
    fn one_who_begins_anew_further_back_is_counted_once() {
        let listeners = Listeners::default();
        let (first, second) = (listeners.join(5), listeners.join(9));
        let mut context = Context::from_waker(Waker::noop());
        let mut seven = pin!(listeners.all_have(7));
        assert!(seven.as_mut().poll(&mut context).is_pending());
        first.acknowledge(8);
        assert!(seven.as_mut().poll(&mut context).is_ready());
        second.acknowledge(2);
        assert!(!is_done(listeners.all_have(7)));
    }

    #[test]
    fn nothing_is_kept_of_those_who_wait_no_more() {
        let listeners = Listeners::default();
        let listener = listeners.join(0);
        assert!(!is_done(listeners.all_have(7)));
        assert_eq!(listeners.board().waiting.len(), 1);
        assert!(!is_done(listeners.all_have(7)));
        assert_eq!(listeners.board().waiting.len(), 1);
        listener.acknowledge(1);
        assert!(listeners.board().waiting.is_empty());
    }
}
