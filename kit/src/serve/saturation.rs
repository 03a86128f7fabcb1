//! Limit of running calls that follows the processor time.
//!
//! With more calls than processor time, each call waits for a thread at every step, and callers give up before their
//! answers are sent. Work for such callers keeps the queue long, also after the load has fallen (a metastable failure).
//! So a probe measures how long a task waits for a thread. If most waits are long, the server runs fewer calls
//! at once and refuses the others, which costs a fraction of their work. If they are short, the limit grows back.

use std::future::poll_fn;
use std::mem::replace;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::waiting::WaitPool;

/// Wait for a thread that is too long.
const LONG_WAIT: Duration = Duration::from_millis(100);

/// Period of the measurements for one decision. A single wait may be long because of a burst, or of a pause of the process.
const PERIOD: Duration = Duration::from_millis(250);

/// Pause between two measurements after a short wait.
const PAUSE: Duration = Duration::from_millis(5);

/// Least number of measurements for a decision.
const MIN_WAITS: usize = 3;

/// Least number of calls that may run at once. No measurement is needed with fewer calls.
const FEW_CALLS: usize = 32;

/// Largest divisor of the limit in one period.
const MAX_CUT: usize = 8;

/// Watch over the limit of running calls.
#[derive(Debug)]
pub(super) struct Saturation {
    running: WaitPool,
    /// Largest limit.
    most: usize,
    is_measured: AtomicBool,
}

impl Saturation {
    /// Watches over the places of running calls.
    pub(super) fn new(running: WaitPool) -> Arc<Self> {
        let most = running.size();
        Arc::new(Self { running, most, is_measured: AtomicBool::new(false) })
    }

    /// Starts to measure if more than a few calls run.
    pub(super) fn watch(self: &Arc<Self>) {
        if self.running.taken() >= FEW_CALLS && !self.is_measured.swap(true, Relaxed) {
            tokio::spawn(Arc::clone(self).measure());
        }
    }

    /// Returns true while the limit is below the setting.
    pub(super) fn is_high(&self) -> bool {
        self.running.size() < self.most
    }

    /// Adapts the limit until few calls run.
    async fn measure(self: Arc<Self>) {
        loop {
            let size = adapted(self.running.size(), self.running.taken(), self.most, usual_wait().await);
            self.running.resize(size);
            if size == self.most && self.running.taken() < FEW_CALLS {
                break;
            }
        }
        self.is_measured.store(false, Relaxed);
    }
}

/// Returns the median wait of a task for a thread, from the waits of one period.
async fn usual_wait() -> Duration {
    let (start, mut waits) = (Instant::now(), Vec::new());
    while waits.len() < MIN_WAITS || start.elapsed() < PERIOD {
        let begun = Instant::now();
        queue_again().await;
        let wait = begun.elapsed();
        waits.push(wait);
        if wait <= LONG_WAIT {
            sleep(PAUSE).await;
        }
    }
    waits.sort_unstable();
    waits.get((waits.len() - 1) / 2).copied().unwrap_or_default()
}

/// Waits for the tasks in the queue of this thread. tokio's `yield_now` waits for other events instead.
async fn queue_again() {
    let mut is_queued = false;
    poll_fn(|cx| {
        if replace(&mut is_queued, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Returns the next limit, from the present limit, the running calls, the largest limit and the usual wait.
fn adapted(size: usize, running: usize, most: usize, wait: Duration) -> usize {
    if wait <= LONG_WAIT {
        return most.min(size + size / 4 + 1);
    }
    let running = running.min(size);
    let in_time = LONG_WAIT.as_micros() * running as u128 / wait.as_micros();
    let fewer = usize::try_from(in_time).unwrap_or(running).max(running / MAX_CUT);
    fewer.clamp(FEW_CALLS.min(most), most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_waits_cut_the_limit_and_short_ones_restore_it() {
        let most = 2048;
        assert_eq!(adapted(most, 1000, most, LONG_WAIT * 2), 500, "half of the calls would wait half as long");
        assert_eq!(adapted(most, 1000, most, LONG_WAIT * 1000), 125, "one long wait is not the end");
        assert_eq!(adapted(40, 40, most, LONG_WAIT * 10), FEW_CALLS);
        assert_eq!(adapted(4, 4, 4, LONG_WAIT * 10), 4, "the setting is below the least limit");
        let mut size = FEW_CALLS;
        let periods = (0..).take_while(|_| {
            size = adapted(size, 0, most, LONG_WAIT);
            size < most
        });
        assert_eq!(periods.count(), 18, "it takes less than five seconds");
    }

    /// Another task blocks the only thread each time that it runs.
    #[tokio::test]
    async fn busy_thread_cuts_the_limit_until_few_calls_run() {
        let running = WaitPool::new(1000);
        let share = running.open_share();
        let mut places: Vec<_> = std::iter::from_fn(|| share.enter()).take(200).collect();
        let saturation = Saturation::new(running.clone());
        saturation.watch();
        let busy = tokio::spawn(async {
            loop {
                let start = Instant::now();
                while start.elapsed() < LONG_WAIT * 2 {}
                queue_again().await;
            }
        });
        while running.size() > 100 {
            sleep(PAUSE).await;
        }
        busy.abort();
        assert!(share.enter().is_none(), "200 calls run, and fewer may");
        places.clear();
        while saturation.is_measured.load(Relaxed) {
            sleep(PAUSE).await;
        }
        assert_eq!(running.size(), 1000);
    }

    #[tokio::test]
    async fn few_calls_are_not_measured() {
        let running = WaitPool::new(1000);
        let share = running.open_share();
        let _places: Vec<_> = std::iter::from_fn(|| share.enter()).take(FEW_CALLS - 1).collect();
        let saturation = Saturation::new(running);
        saturation.watch();
        assert!(!saturation.is_measured.load(Relaxed));
    }
}
