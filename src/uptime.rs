//! The age of things, which no change of the time of day makes older or younger.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// Tells how long the machine has been up, the time for which it was suspended included: an age that is counted without it
/// would make what was known before a suspension look fresh after it.
#[derive(Clone, Debug, Default)]
pub struct Uptime(Source);

#[derive(Clone, Debug, Default)]
enum Source {
    #[default]
    System,
    Manual(Arc<AtomicU64>),
}

#[cfg(any(target_os = "linux", target_os = "android"))]
const MACHINE: ClockId = ClockId::Boottime;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const MACHINE: ClockId = ClockId::Monotonic;

impl Uptime {
    /// The machine's: `CLOCK_BOOTTIME` of `clock_gettime(2)` on Linux, elsewhere `CLOCK_MONOTONIC`, which counts a suspension
    /// on macOS and may not on others.
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// One that stands until it is advanced; its clones stand and move with it.
    pub fn manual() -> Self {
        Self(Source::Manual(Arc::default()))
    }

    /// The time since the machine was started.
    pub fn now(&self) -> Duration {
        match &self.0 {
            Source::System => Duration::try_from(clock_gettime(MACHINE)).unwrap_or_default(),
            Source::Manual(nanos) => Duration::from_nanos(nanos.load(Ordering::SeqCst)),
        }
    }

    /// Moves a manual one forward; the machine's takes no orders.
    pub fn advance(&self, by: Duration) {
        if let Source::Manual(nanos) = &self.0 {
            nanos.fetch_add(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX), Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machines_goes_on_and_a_manual_one_when_told() {
        let system = Uptime::system();
        let before = system.now();
        assert!(before > Duration::ZERO && system.now() >= before);
        let manual = Uptime::manual();
        let same = manual.clone();
        manual.advance(Duration::from_millis(1500));
        assert_eq!(same.now(), Duration::from_millis(1500));
    }
}
