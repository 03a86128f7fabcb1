//! Limit of running calls that follows the processor time.
//!
//! With more calls than processor time, each call waits for a thread at every step, and callers give up before their
//! answers are sent. Work for such callers keeps the queue long, also after the load has fallen (a metastable failure).
//! So a probe measures how long a task waits for a thread. If the wait is long all the time, the server runs fewer calls
//! at once and refuses the others, which costs a fraction of their work. If the wait is short, the limit grows back.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use tokio::task::yield_now;
use tokio::time::{Instant, sleep};

use super::waiting::WaitPool;

/// Wait for a thread that is too long.
const LONG_WAIT: Duration = Duration::from_millis(25);

/// Period in which the shortest wait counts: a longer wait may be a burst (as in RFC 8289).
const PERIOD: Duration = Duration::from_millis(100);

/// Pause between two measurements after a short wait.
const PAUSE: Duration = Duration::from_millis(5);

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

    /// Adapts the limit until few calls run.
    async fn measure(self: Arc<Self>) {
        loop {
            let size = adapted(self.running.size(), self.running.taken(), self.most, shortest_wait().await);
            self.running.resize(size);
            if size == self.most && self.running.taken() < FEW_CALLS {
                break;
            }
        }
        self.is_measured.store(false, Relaxed);
    }
}

/// Returns the shortest wait of a task for a thread, of all that began in one period.
async fn shortest_wait() -> Duration {
    let (start, mut shortest) = (Instant::now(), Duration::MAX);
    for number in 1.. {
        let begun = Instant::now();
        yield_now().await;
        shortest = shortest.min(begun.elapsed());
        // The first wait may be a pause of the whole process.
        if number > 1 && start.elapsed() >= PERIOD {
            break;
        }
        if shortest <= LONG_WAIT {
            sleep(PAUSE).await;
        }
    }
    shortest
}

/// Returns the next limit, from the present limit, the running calls, the largest limit and the shortest wait.
fn adapted(size: usize, running: usize, most: usize, wait: Duration) -> usize {
    if wait <= LONG_WAIT {
        return most.min(size + size / 8 + 1);
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
        assert_eq!(periods.count(), 34, "it takes less than four seconds");
    }

    /// The only thread is blocked for a while each time that another task runs.
    #[tokio::test]
    async fn busy_thread_cuts_the_limit_until_few_calls_run() {
        let running = WaitPool::new(1000);
        let share = running.open_share();
        let mut places: Vec<_> = std::iter::from_fn(|| share.enter()).take(200).collect();
        let saturation = Saturation::new(running.clone());
        saturation.watch();
        while running.size() > 100 {
            std::thread::sleep(LONG_WAIT * 2);
            yield_now().await;
        }
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
