//! The guards that listen to this replica, and how far each of them has said that it has come.

use std::collections::HashMap;
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
    missing: usize,
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
            let missing = board.acknowledged.values().filter(|acknowledged| **acknowledged < revision).count();
            if missing == 0 {
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
        let before = board.acknowledged.insert(self.number, revision);
        if let Some(before) = before {
            board.passed(before, revision);
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut board = self.all.board();
        if let Some(before) = board.acknowledged.remove(&self.number) {
            board.passed(before, i64::MAX);
        }
    }
}

impl Board {
    /// A guard has gone from one revision to another.
    fn passed(&mut self, before: i64, now: i64) {
        self.waiting.retain_mut(|waiting| {
            if before < waiting.revision && waiting.revision <= now {
                waiting.missing -= 1;
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
        self.missing == 0 || self.done.as_ref().is_none_or(oneshot::Sender::is_closed)
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
        let _newcomer = listeners.join(0);
        early.acknowledge(6);
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
