//! A monotonic clock. Changes of the time of day do not affect it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// A clock that counts the time since the machine started, suspended time included. Without suspended time, old
/// evidence would look fresh after a suspension.
#[derive(Clone, Debug, Default)]
pub struct Uptime(UptimeSource);

#[derive(Clone, Debug, Default)]
enum UptimeSource {
    #[default]
    System,
    Manual(Arc<AtomicU64>),
}

#[cfg(any(target_os = "linux", target_os = "android"))]
const MACHINE_CLOCK: ClockId = ClockId::Boottime;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const MACHINE_CLOCK: ClockId = ClockId::Monotonic;

impl Uptime {
    /// Returns the machine's clock. On Linux this is `CLOCK_BOOTTIME` of `clock_gettime(2)`, elsewhere
    /// `CLOCK_MONOTONIC`. `CLOCK_MONOTONIC` counts suspended time on macOS and may not on other systems.
    pub const fn system() -> Self {
        Self(UptimeSource::System)
    }

    /// Returns a clock that stands still until [`advance`](Self::advance) moves it. Its clones move with it.
    pub fn manual() -> Self {
        Self(UptimeSource::Manual(Arc::default()))
    }

    /// Returns the time since the machine started. A manual clock starts at zero.
    pub fn now(&self) -> Duration {
        match &self.0 {
            UptimeSource::System => Duration::try_from(clock_gettime(MACHINE_CLOCK)).unwrap_or_default(),
            UptimeSource::Manual(nanos) => Duration::from_nanos(nanos.load(Ordering::SeqCst)),
        }
    }

    /// Moves a manual clock forward. Does nothing to the machine's clock.
    pub fn advance(&self, by: Duration) {
        if let UptimeSource::Manual(nanos) = &self.0 {
            nanos.fetch_add(u64::try_from(by.as_nanos()).unwrap_or(u64::MAX), Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manual_clock_moves_only_by_advance() {
        let system = Uptime::system();
        let before = system.now();
        assert!(before > Duration::ZERO && system.now() >= before);
        let manual = Uptime::manual();
        let same = manual.clone();
        manual.advance(Duration::from_millis(1500));
        assert_eq!(same.now(), Duration::from_millis(1500));
    }
}
