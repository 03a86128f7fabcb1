//! The guards that listen to this replica, and how far each of them has said that it has come.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

/// The longest wait for guards after a revocation.
const COURTESY: Duration = Duration::from_millis(50);

/// The time without a wait for a guard that was late, at first and at most.
const EXCUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(32)];

/// All guards that listen now.
#[derive(Clone, Debug, Default)]
pub struct Subscribers(Arc<Mutex<Board>>);

/// One guard, for as long as it listens.
#[derive(Debug)]
pub struct Subscriber {
    number: u64,
    all: Subscribers,
}

#[derive(Debug)]
struct Board {
    begun: Instant,
    last: u64,
    guards: HashMap<u64, Guard>,
    waiting: Vec<Waiting>,
}

/// A guard that listens.
#[derive(Debug, Default)]
struct Guard {
    /// The revision that it has acknowledged.
    acknowledged: i64,
    /// The time for which it is not waited for after it was late, and the end of it.
    excuse: Option<(Duration, Instant)>,
}

/// A wait until all guards that have listened when it began have come so far, or gone.
#[derive(Debug)]
struct Waiting {
    revision: i64,
    missing: HashSet<u64>,
    done: Option<oneshot::Sender<()>>,
}

impl Default for Board {
    fn default() -> Self {
        Self { begun: Instant::now(), last: 0, guards: HashMap::new(), waiting: Vec::new() }
    }
}

impl Subscribers {
    /// Adds a guard that knows of all revocations up to this revision.
    pub fn join(&self, revision: i64) -> Subscriber {
        let mut board = self.board();
        board.last += 1;
        let number = board.last;
        board.guards.insert(number, Guard { acknowledged: revision, excuse: None });
        Subscriber { number, all: self.clone() }
    }

    /// Returns how many guards listen now.
    pub fn count(&self) -> usize {
        self.board().guards.len()
    }

    /// Waits until every guard that listens now has acknowledged this revision, or has gone, for 50 ms at most. A guard that
    /// was late is not waited for again for a second, which doubles up to 32 s while the guard stays late: a guard that is
    /// slow, or cut off, delays one revocation and not all.
    pub async fn reached(&self, revision: i64) {
        let Some((missing, all)) = self.board().wait(revision, Instant::now()) else { return };
        // The sender is dropped only after it has been used.
        if timeout(COURTESY, all).await.is_err() {
            self.board().excuse(revision, &missing, Instant::now());
        }
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Subscriber {
    /// The guard has come to this revision.
    pub fn acknowledge(&self, revision: i64) {
        let mut board = self.all.board();
        if let Some(guard) = board.guards.get_mut(&self.number) {
            guard.acknowledged = revision;
        }
        board.has(self.number, revision);
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        let mut board = self.all.board();
        board.guards.remove(&self.number);
        board.has(self.number, i64::MAX);
    }
}

impl Board {
    /// Begins a wait for the guards behind this revision; `None` if there is no guard to wait for.
    fn wait(&mut self, revision: i64, now: Instant) -> Option<(Vec<u64>, oneshot::Receiver<()>)> {
        let is_behind =
            |guard: &Guard| guard.acknowledged < revision && guard.excuse.is_none_or(|(_, until)| until <= now);
        let missing: Vec<_> =
            self.guards.iter().filter(|(_, guard)| is_behind(guard)).map(|(number, _)| *number).collect();
        if missing.is_empty() {
            return None;
        }
        self.waiting.retain(|waiting| !waiting.is_over());
        let (done, all) = oneshot::channel();
        self.waiting.push(Waiting { revision, missing: missing.iter().copied().collect(), done: Some(done) });
        Some((missing, all))
    }

    /// Excuses those of the guards that were waited for in vain. Excuses end together, so that guards that stay late delay one
    /// revocation together, too.
    fn excuse(&mut self, revision: i64, missing: &[u64], now: Instant) {
        let [first, longest] = EXCUSES;
        for number in missing {
            let Some(guard) = self.guards.get_mut(number).filter(|guard| guard.acknowledged < revision) else {
                continue;
            };
            let pause = guard.excuse.map_or(first, |(pause, _)| (pause * 2).min(longest));
            let age = now.duration_since(self.begun).as_secs();
            let turns = u32::try_from(age / pause.as_secs().max(1)).unwrap_or(u32::MAX - 2);
            guard.excuse = Some((pause, self.begun + pause * (turns + 2)));
        }
    }

    /// This guard has all up to this revision. One that is in time again is waited for again.
    fn has(&mut self, number: u64, revision: i64) {
        let Self { waiting, guards, .. } = self;
        waiting.retain_mut(|waiting| {
            if waiting.revision <= revision
                && waiting.missing.remove(&number)
                && !waiting.is_abandoned()
                && let Some(guard) = guards.get_mut(&number)
            {
                guard.excuse = None;
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
        self.missing.is_empty() || self.is_abandoned()
    }

    fn is_abandoned(&self) -> bool {
        self.done.as_ref().is_none_or(oneshot::Sender::is_closed)
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

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_waits_for_those_who_listen_and_for_nobody_else() {
        let listeners = Subscribers::default();
        assert!(is_done(listeners.reached(7)), "there is no listener");
        let (early, late) = (listeners.join(3), listeners.join(7));
        assert!(is_done(listeners.reached(3)));
        let mut context = Context::from_waker(Waker::noop());
        let (mut seven, mut eight) = (pin!(listeners.reached(7)), pin!(listeners.reached(8)));
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

    #[tokio::test(start_paused = true)]
    async fn one_who_begins_anew_further_back_is_counted_once() {
        let listeners = Subscribers::default();
        let (first, second) = (listeners.join(5), listeners.join(9));
        let mut context = Context::from_waker(Waker::noop());
        let mut seven = pin!(listeners.reached(7));
        assert!(seven.as_mut().poll(&mut context).is_pending());
        first.acknowledge(8);
        assert!(seven.as_mut().poll(&mut context).is_ready());
        second.acknowledge(2);
        assert!(!is_done(listeners.reached(7)));
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_kept_of_those_who_wait_no_more() {
        let listeners = Subscribers::default();
        let listener = listeners.join(0);
        assert!(!is_done(listeners.reached(7)));
        assert_eq!(listeners.board().waiting.len(), 1);
        assert!(!is_done(listeners.reached(7)));
        assert_eq!(listeners.board().waiting.len(), 1);
        listener.acknowledge(1);
        assert!(listeners.board().waiting.is_empty());
    }

    /// Returns how long a revocation waits for the guards.
    async fn waited(listeners: &Subscribers, revision: i64) -> Duration {
        let begun = Instant::now();
        listeners.reached(revision).await;
        begun.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_late_guard_delays_one_revocation_and_is_tried_again() {
        let listeners = Subscribers::default();
        let late = listeners.join(0);
        let all = || async { [waited(&listeners, 7).await, waited(&listeners, 8).await] };
        for pause in [1, 2, 4, 8, 16, 32, 32] {
            assert_eq!(all().await, [COURTESY, Duration::ZERO], "{pause}");
            tokio::time::advance(Duration::from_secs(pause).checked_sub(COURTESY).unwrap()).await;
            assert_eq!(waited(&listeners, 9).await, Duration::ZERO, "{pause}");
            tokio::time::advance(Duration::from_secs(pause) + COURTESY).await;
        }
        let (waited_for, ()) = tokio::join!(waited(&listeners, 9), async { late.acknowledge(9) });
        assert_eq!(waited_for, Duration::ZERO);
        assert_eq!(waited(&listeners, 10).await, COURTESY, "one that was in time is waited for again");
    }

    #[tokio::test(start_paused = true)]
    async fn a_guard_in_time_is_waited_for_beside_one_that_is_late() {
        let listeners = Subscribers::default();
        let (_late, quick) = (listeners.join(0), listeners.join(0));
        let (first, ()) = tokio::join!(waited(&listeners, 7), async { quick.acknowledge(7) });
        assert_eq!(first, COURTESY);
        let soon = Duration::from_millis(3);
        let answers = async {
            tokio::time::sleep(soon).await;
            quick.acknowledge(8);
        };
        let (second, ()) = tokio::join!(waited(&listeners, 8), answers);
        assert_eq!(second, soon);
    }
}
