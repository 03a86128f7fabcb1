//! The times in which a fault may make calls fail.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::SoakFault;

/// Time after the end of a fault in which calls may still fail.
pub(super) const RECOVERY_TIME: Duration = Duration::from_secs(2);

/// Number of windows that are kept: a call may meet the last few only.
const KEPT_WINDOWS: usize = 8;

/// The latest windows; clones share them. Times count from the start of the load.
#[derive(Clone, Debug, Default)]
pub(super) struct FaultWindows(Arc<Mutex<VecDeque<FaultWindow>>>);

#[derive(Clone, Copy, Debug)]
struct FaultWindow {
    fault: SoakFault,
    begun: Duration,
    /// End of the window; `None` while the fault lasts.
    until: Option<Duration>,
}

impl FaultWindows {
    /// Opens a window.
    pub(super) fn open(&self, fault: SoakFault, begun: Duration) {
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        windows.push_back(FaultWindow { fault, begun, until: None });
        if windows.len() > KEPT_WINDOWS {
            windows.pop_front();
        }
    }

    /// Closes the last window, some time after this end of its fault.
    pub(super) fn close(&self, ended: Duration) {
        if let Some(last) = self.0.lock().unwrap_or_else(PoisonError::into_inner).back_mut() {
            last.until = Some(ended + RECOVERY_TIME);
        }
    }

    /// Returns the last fault whose window has a part in common with this time.
    pub(super) fn meeting(&self, begun: Duration, ended: Duration) -> Option<SoakFault> {
        let windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let meets = |window: &&FaultWindow| window.begun <= ended && window.until.is_none_or(|until| begun < until);
        windows.iter().rev().find(meets).map(|window| window.fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn call_is_inside_if_it_meets_a_window() {
        let windows = FaultWindows::default();
        windows.open(SoakFault::KillAuth, secs(10));
        assert_eq!(windows.meeting(secs(8), secs(9)), None);
        assert_eq!(windows.meeting(secs(9), secs(10)), Some(SoakFault::KillAuth), "open at the fault's start");
        assert_eq!(windows.meeting(secs(500), secs(501)), Some(SoakFault::KillAuth), "the fault has not ended");
        windows.close(secs(12));
        assert_eq!(windows.meeting(secs(13), secs(20)), Some(SoakFault::KillAuth));
        assert_eq!(windows.meeting(secs(14), secs(20)), None, "two seconds after the end");
        windows.open(SoakFault::KillBlog, secs(30));
        assert_eq!(windows.meeting(secs(11), secs(31)), Some(SoakFault::KillBlog), "the last one counts");
        assert_eq!(windows.meeting(secs(11), secs(12)), Some(SoakFault::KillAuth));
    }
}
