//! A timer of the kernel, because the runtime's own timer rounds to milliseconds.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::sync::Notify;

/// Shortest interval. More frequent wake-ups would take the processor from the measured service.
const MIN_TICK: Duration = Duration::from_micros(50);

/// A periodic timer (`timerfd_create(2)`), until it is dropped.
pub(super) struct Ticks(Arc<Notify>);

impl Ticks {
    /// Starts a timer with this interval, or with the shortest one. A thread waits for the timer.
    pub(super) fn start(every: Duration) -> Result<Self, io::Error> {
        let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC)?;
        let every = Timespec::try_from(every.max(MIN_TICK)).map_err(io::Error::other)?;
        timerfd_settime(&timer, TimerfdTimerFlags::empty(), &Itimerspec { it_interval: every, it_value: every })?;
        let ticks = Arc::new(Notify::new());
        let listener = Arc::downgrade(&ticks);
        thread::Builder::new().name("ticks".into()).spawn(move || {
            while rustix::io::read(&timer, &mut [0; 8]).is_ok() {
                let Some(ticks) = listener.upgrade() else { break };
                ticks.notify_one();
            }
        })?;
        Ok(Self(ticks))
    }

    /// Waits for the next tick. Missed ticks count as one.
    pub(super) async fn next(&self) {
        self.0.notified().await;
    }
}
