//! The guards that follow this replica's feed, and the revisions that they have acknowledged.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout};

/// Longest wait for guards after a revocation.
const ACKNOWLEDGMENT_TIMEOUT: Duration = Duration::from_millis(50);

/// First time for which a revocation does not wait for a late guard. The time doubles while the guard stays late.
const FIRST_EXCUSE: Duration = Duration::from_secs(1);

/// Longest time for which a revocation does not wait for a late guard.
const MAX_EXCUSE: Duration = Duration::from_secs(32);

/// All guards that follow the feed now.
#[derive(Clone, Debug, Default)]
pub struct Subscribers(Arc<Mutex<SubscriberTable>>);

/// One guard that follows the feed. Dropping the value removes the guard.
#[derive(Debug)]
pub struct Subscriber {
    number: u64,
    all: Subscribers,
}

#[derive(Debug)]
struct SubscriberTable {
    begun: Instant,
    last: u64,
    guards: HashMap<u64, GuardProgress>,
    waiting: Vec<AcknowledgmentWait>,
}

/// Progress of one guard.
#[derive(Debug)]
struct GuardProgress {
    /// Service of the guard.
    service: String,
    /// Last acknowledged revision.
    acknowledged: i64,
    /// Set after the guard was late: no revocation waits for it until then.
    excuse: Option<GuardExcuse>,
}

/// Time in which revocations do not wait for a guard.
#[derive(Clone, Copy, Debug)]
struct GuardExcuse {
    length: Duration,
    end: Instant,
}

/// Wait until each guard that was connected at its start has acknowledged a revision or disconnected.
#[derive(Debug)]
struct AcknowledgmentWait {
    revision: i64,
    missing: HashSet<u64>,
    done: Option<oneshot::Sender<()>>,
}

impl Default for SubscriberTable {
    fn default() -> Self {
        Self { begun: Instant::now(), last: 0, guards: HashMap::new(), waiting: Vec::new() }
    }
}

impl Subscribers {
    /// Adds a guard of this service that knows all entries up to this revision.
    pub fn join(&self, service: &str, revision: i64) -> Subscriber {
        let mut table = self.table();
        table.last += 1;
        let number = table.last;
        table
            .guards
            .insert(number, GuardProgress { service: service.to_owned(), acknowledged: revision, excuse: None });
        Subscriber { number, all: self.clone() }
    }

    /// Returns the number of guards of each service.
    pub fn services(&self) -> BTreeMap<String, usize> {
        let mut services = BTreeMap::new();
        for guard in self.table().guards.values() {
            *services.entry(guard.service.clone()).or_default() += 1;
        }
        services
    }

    /// Returns the number of guards that follow the feed now.
    pub fn count(&self) -> usize {
        self.table().guards.len()
    }

    /// Returns the number of entries up to this revision that the slowest guard has not acknowledged.
    pub fn lag(&self, revision: i64) -> u64 {
        let table = self.table();
        let lags = table.guards.values().map(|guard| revision.saturating_sub(guard.acknowledged));
        lags.filter_map(|lag| u64::try_from(lag).ok()).max().unwrap_or_default()
    }

    /// Waits until each connected guard has acknowledged this revision or disconnected, for at most 50 ms.
    ///
    /// After a guard was late, revocations do not wait for it for at least 1 s. This minimum doubles up to 32 s while the
    /// guard stays late, so a slow guard delays one revocation and not all.
    pub async fn reached(&self, revision: i64) {
        let Some((missing, all)) = self.table().wait(revision, Instant::now()) else { return };
        // The sender is dropped only after it has been used.
        if timeout(ACKNOWLEDGMENT_TIMEOUT, all).await.is_err() {
            self.table().excuse(revision, &missing, Instant::now());
        }
    }

    fn table(&self) -> MutexGuard<'_, SubscriberTable> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Subscriber {
    /// Records the guard's acknowledgment of all entries up to this revision.
    pub fn acknowledge(&self, revision: i64) {
        let mut table = self.all.table();
        if let Some(guard) = table.guards.get_mut(&self.number) {
            guard.acknowledged = revision;
        }
        table.record_acknowledgment(self.number, revision);
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        let mut table = self.all.table();
        table.guards.remove(&self.number);
        table.record_acknowledgment(self.number, i64::MAX);
    }
}

impl SubscriberTable {
    /// Begins a wait for the guards behind this revision, if there are any.
    fn wait(&mut self, revision: i64, now: Instant) -> Option<(Vec<u64>, oneshot::Receiver<()>)> {
        let is_behind = |guard: &GuardProgress| {
            guard.acknowledged < revision && guard.excuse.is_none_or(|excuse| excuse.end <= now)
        };
        let missing: Vec<_> =
            self.guards.iter().filter(|(_, guard)| is_behind(guard)).map(|(number, _)| *number).collect();
        if missing.is_empty() {
            return None;
        }
        self.waiting.retain(|waiting| !waiting.is_over());
        let (done, all) = oneshot::channel();
        self.waiting.push(AcknowledgmentWait {
            revision,
            missing: missing.iter().copied().collect(),
            done: Some(done),
        });
        Some((missing, all))
    }

    /// Excuses the guards that are still behind from later waits. All excuses of one length end together, so that
    /// several late guards delay only one revocation.
    fn excuse(&mut self, revision: i64, missing: &[u64], now: Instant) {
        for number in missing {
            let Some(guard) = self.guards.get_mut(number).filter(|guard| guard.acknowledged < revision) else {
                continue;
            };
            let length = guard.excuse.map_or(FIRST_EXCUSE, |excuse| (excuse.length * 2).min(MAX_EXCUSE));
            let age = now.duration_since(self.begun).as_secs();
            let turns = u32::try_from(age / length.as_secs().max(1)).unwrap_or(u32::MAX - 2);
            guard.excuse = Some(GuardExcuse { length, end: self.begun + length * (turns + 2) });
        }
    }

    /// Records an acknowledgment, and ends the waits that it completes. A guard that is in time again loses its excuse.
    fn record_acknowledgment(&mut self, number: u64, revision: i64) {
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

impl AcknowledgmentWait {
    /// Returns `true` if no guard is missing or the waiting call has gone.
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
    async fn wait_covers_guards_of_the_moment() {
        let subscribers = Subscribers::default();
        assert!(is_done(subscribers.reached(7)), "no guard");
        let (early, late) = (subscribers.join("blog", 3), subscribers.join("blog", 7));
        assert!(is_done(subscribers.reached(3)));
        let mut context = Context::from_waker(Waker::noop());
        let (mut seven, mut eight) = (pin!(subscribers.reached(7)), pin!(subscribers.reached(8)));
        assert!(seven.as_mut().poll(&mut context).is_pending() && eight.as_mut().poll(&mut context).is_pending());
        let newcomer = subscribers.join("blog", 0);
        early.acknowledge(6);
        newcomer.acknowledge(9);
        newcomer.acknowledge(2);
        drop(newcomer);
        assert!(seven.as_mut().poll(&mut context).is_pending());
        early.acknowledge(9);
        assert!(seven.as_mut().poll(&mut context).is_ready());
        assert!(eight.as_mut().poll(&mut context).is_pending());
        drop(late);
        assert!(eight.as_mut().poll(&mut context).is_ready(), "a departed guard ends the wait");
    }

    #[tokio::test]
    async fn lag_is_that_of_the_slowest_guard() {
        let subscribers = Subscribers::default();
        assert_eq!(subscribers.lag(7), 0);
        let (slow, quick) = (subscribers.join("blog", 3), subscribers.join("blog", 9));
        assert_eq!(subscribers.lag(7), 4);
        slow.acknowledge(7);
        assert_eq!(subscribers.lag(7), 0);
        drop((slow, quick));
    }

    #[tokio::test(start_paused = true)]
    async fn guard_that_goes_back_counts_again() {
        let subscribers = Subscribers::default();
        let (first, second) = (subscribers.join("blog", 5), subscribers.join("blog", 9));
        let mut context = Context::from_waker(Waker::noop());
        let mut seven = pin!(subscribers.reached(7));
        assert!(seven.as_mut().poll(&mut context).is_pending());
        first.acknowledge(8);
        assert!(seven.as_mut().poll(&mut context).is_ready());
        second.acknowledge(2);
        assert!(!is_done(subscribers.reached(7)));
    }

    #[tokio::test(start_paused = true)]
    async fn abandoned_waits_are_removed() {
        let subscribers = Subscribers::default();
        let subscriber = subscribers.join("blog", 0);
        assert!(!is_done(subscribers.reached(7)));
        assert_eq!(subscribers.table().waiting.len(), 1);
        assert!(!is_done(subscribers.reached(7)));
        assert_eq!(subscribers.table().waiting.len(), 1);
        subscriber.acknowledge(1);
        assert!(subscribers.table().waiting.is_empty());
    }

    /// Returns the time that a revocation waits for the guards.
    async fn waited(subscribers: &Subscribers, revision: i64) -> Duration {
        let begun = Instant::now();
        subscribers.reached(revision).await;
        begun.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn late_guard_delays_one_revocation() {
        let subscribers = Subscribers::default();
        let late = subscribers.join("blog", 0);
        let all = || async { [waited(&subscribers, 7).await, waited(&subscribers, 8).await] };
        for pause in [1, 2, 4, 8, 16, 32, 32] {
            assert_eq!(all().await, [ACKNOWLEDGMENT_TIMEOUT, Duration::ZERO], "{pause}");
            tokio::time::advance(Duration::from_secs(pause).checked_sub(ACKNOWLEDGMENT_TIMEOUT).unwrap()).await;
            assert_eq!(waited(&subscribers, 9).await, Duration::ZERO, "{pause}");
            tokio::time::advance(Duration::from_secs(pause) + ACKNOWLEDGMENT_TIMEOUT).await;
        }
        let (waited_for, ()) = tokio::join!(waited(&subscribers, 9), async { late.acknowledge(9) });
        assert_eq!(waited_for, Duration::ZERO);
        assert_eq!(waited(&subscribers, 10).await, ACKNOWLEDGMENT_TIMEOUT, "a guard in time loses its excuse");
    }

    #[tokio::test(start_paused = true)]
    async fn wait_continues_for_guard_in_time() {
        let subscribers = Subscribers::default();
        let (_late, quick) = (subscribers.join("blog", 0), subscribers.join("blog", 0));
        let (first, ()) = tokio::join!(waited(&subscribers, 7), async { quick.acknowledge(7) });
        assert_eq!(first, ACKNOWLEDGMENT_TIMEOUT);
        let soon = Duration::from_millis(3);
        let answers = async {
            tokio::time::sleep(soon).await;
            quick.acknowledge(8);
        };
        let (second, ()) = tokio::join!(waited(&subscribers, 8), answers);
        assert_eq!(second, soon);
    }
}
