//! Limit of a server's processor time, like that of a small machine.

use std::collections::HashMap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Signal, setpriority_process};

use super::super::error::{PostgresError, failed};
use super::super::processes;
use super::PostgresServer;

/// Pause between two checks of the server's processor time.
const CHECK_INTERVAL: Duration = Duration::from_millis(2);

/// Number of checks between two searches for new processes of the server.
const CHECKS_PER_SEARCH: u32 = 10;

/// Largest unused processor time that an idle server may use later.
const MAX_SAVED_TIME: Duration = Duration::from_millis(5);

/// Priority of the checking thread, if the system allows it: a late check gives the server too much time.
const THREAD_NICENESS: i32 = -15;

/// Stops and continues a server's processes, so that together they get a share of a core. Dropping the value removes
/// the limit.
pub struct Throttle {
    control: Arc<Control>,
    thread: Option<JoinHandle<()>>,
}

struct Control {
    /// Share of a core, in thousandths.
    share: AtomicU32,
    is_stalled: AtomicBool,
    has_ended: AtomicBool,
    /// Processor time that the server has used, in nanoseconds.
    used: AtomicU64,
}

impl PostgresServer {
    /// Limits the server to a share of a core, in thousandths, averaged over some milliseconds.
    ///
    /// # Errors
    /// Fails if the server does not run, or the kernel does not report processor time in nanoseconds.
    pub async fn throttle(&self, share: u32) -> Result<Throttle, PostgresError> {
        Throttle::of_process(self.0.running("run slowly").await?.id(), share)
    }
}

impl Throttle {
    /// Limits a process and its children to a share of a core, in thousandths, averaged over some milliseconds.
    ///
    /// # Errors
    /// Fails if the process has ended, or the kernel does not report processor time in nanoseconds.
    pub fn of_process(process: u32, share: u32) -> Result<Self, PostgresError> {
        used(process).ok_or_else(|| failed("run slowly")("it has ended, or this kernel has no schedstat in /proc"))?;
        let control = Arc::new(Control {
            share: share.into(),
            is_stalled: false.into(),
            has_ended: false.into(),
            used: 0.into(),
        });
        let theirs = Arc::clone(&control);
        let thread = thread::spawn(move || {
            // On Linux each thread has its own priority.
            let _ = setpriority_process(None, THREAD_NICENESS);
            CpuMeter::new(process).throttle(&theirs);
        });
        Ok(Self { control, thread: Some(thread) })
    }

    /// Sets another share, and resets the counter of processor time.
    pub fn set_share(&self, share: u32) {
        self.control.share.store(share, Ordering::Relaxed);
        self.control.used.store(0, Ordering::Relaxed);
    }

    /// Stops the server within some milliseconds.
    pub fn stall(&self) {
        self.control.is_stalled.store(true, Ordering::Relaxed);
    }

    /// Ends a stall.
    pub fn resume(&self) {
        self.control.is_stalled.store(false, Ordering::Relaxed);
    }

    /// Returns the processor time of the server since its share was set.
    pub fn used(&self) -> Duration {
        Duration::from_nanos(self.control.used.load(Ordering::Relaxed))
    }
}

impl Drop for Throttle {
    fn drop(&mut self) {
        self.control.has_ended.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

/// Processes of a server, and the processor time of each.
struct CpuMeter {
    first: u32,
    known: HashMap<u32, u64>,
}

impl CpuMeter {
    fn new(first: u32) -> Self {
        let mut meter = Self { first, known: HashMap::new() };
        meter.search();
        // Earlier use does not count.
        meter.check();
        meter
    }

    fn throttle(&mut self, control: &Control) {
        let (mut budget, mut last, mut is_stopped) = (Duration::ZERO, Instant::now(), false);
        let mut debt = Duration::ZERO;
        for number in 1.. {
            if control.has_ended.load(Ordering::Relaxed) {
                break;
            }
            let used = self.check();
            control.used.fetch_add(u64::try_from(used.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
            budget += last.elapsed() * control.share.load(Ordering::Relaxed) / 1000;
            last = Instant::now();
            debt += used;
            let paid = budget.min(debt);
            (budget, debt) = (budget.saturating_sub(paid).min(MAX_SAVED_TIME), debt.saturating_sub(paid));
            let must_stop = !debt.is_zero() || control.is_stalled.load(Ordering::Relaxed);
            if must_stop != is_stopped {
                self.signal(if must_stop { Signal::STOP } else { Signal::CONT });
                is_stopped = must_stop;
            } else if number % CHECKS_PER_SEARCH == 0 && !is_stopped {
                self.search();
            }
            thread::park_timeout(CHECK_INTERVAL);
        }
        self.signal(Signal::CONT);
    }

    /// Signals all processes. The first process is stopped before the search for its children, so that it forks no more
    /// children.
    fn signal(&mut self, signal: Signal) {
        processes::signal(self.first, signal);
        if signal == Signal::STOP {
            self.search();
        }
        for process in self.known.keys() {
            processes::signal(*process, signal);
        }
    }

    /// Finds new processes, and removes ended processes from the list.
    fn search(&mut self) {
        let mut present = processes::children(self.first);
        present.push(self.first);
        self.known.retain(|process, _| present.contains(process));
        for process in present {
            self.known.entry(process).or_default();
        }
    }

    /// Returns the processor time of all processes since the last check.
    fn check(&mut self) -> Duration {
        let mut all = 0;
        for (process, known) in &mut self.known {
            if let Some(now) = used(*process) {
                all += now.saturating_sub(*known);
                *known = now;
            }
        }
        Duration::from_nanos(all)
    }
}

/// Returns the processor time of a process's threads in nanoseconds, or `None` after its end.
fn used(process: u32) -> Option<u64> {
    let threads = fs::read_dir(format!("/proc/{process}/task")).ok()?.flatten();
    let times = threads.filter_map(|thread| {
        fs::read_to_string(thread.path().join("schedstat")).ok()?.split(' ').next()?.parse::<u64>().ok()
    });
    times.reduce(|all, time| all + time)
}
