//! Minimum pace of a peer while bytes that it takes or sends occupy the server's memory.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

/// Pause between two checks of the pace.
const CHECK_INTERVAL: Duration = Duration::from_millis(500);

/// Bytes between two checks while others wait for the room: 32 KiB a second. Even a distant reader gets a window of
/// bytes in this time.
const PRESSED_BYTES: usize = 16 * 1024;

/// Check of a peer's pace.
pub(super) struct Floor {
    tick: Pin<Box<Sleep>>,
    /// Bytes since the last tick.
    moved: usize,
    /// Remaining bytes: the check never demands more.
    left: usize,
    /// Pace demanded at any time; with `None` a pace is demanded only while others wait.
    pace: Option<DemandedPace>,
    since: Instant,
    moved_since: usize,
}

/// Pace demanded of a peer at any time.
#[derive(Clone, Copy)]
pub(super) struct DemandedPace {
    /// Length of a period.
    pub(super) period: Duration,
    /// Bytes that must move in each period.
    pub(super) bytes: usize,
}

impl Floor {
    /// Demands a pace only while others wait for the room.
    pub(super) fn pressed() -> Self {
        let now = Instant::now();
        Self {
            tick: Box::pin(sleep(CHECK_INTERVAL)),
            moved: 0,
            left: usize::MAX,
            pace: None,
            since: now,
            moved_since: 0,
        }
    }

    /// Demands this pace at any time, and a faster one while others wait for the room.
    pub(super) fn with_pace(pace: DemandedPace) -> Self {
        let tick = Box::pin(sleep(CHECK_INTERVAL.min(pace.period)));
        Self { tick, pace: Some(pace), ..Self::pressed() }
    }

    /// Lowers the pace if fewer bytes are left to move.
    pub(super) fn ask_at_most(&mut self, bytes: usize) {
        self.left = bytes;
    }

    /// Records that bytes have moved.
    pub(super) fn moved(&mut self, bytes: usize) {
        self.moved += bytes;
        self.moved_since += bytes;
    }

    /// Completes when the peer has fallen below the pace.
    pub(super) fn poll_fall(&mut self, cx: &mut Context<'_>, is_pressed: impl Fn() -> bool) -> Poll<()> {
        loop {
            ready!(self.tick.as_mut().poll(cx));
            let now = Instant::now();
            if self.moved < PRESSED_BYTES.min(self.left) && is_pressed() {
                return Poll::Ready(());
            }
            if let Some(DemandedPace { period, bytes }) = self.pace
                && now.duration_since(self.since) >= period
            {
                if self.moved_since < bytes.min(self.left) {
                    return Poll::Ready(());
                }
                (self.since, self.moved_since) = (now, 0);
            }
            self.moved = 0;
            let period = self.pace.map_or(CHECK_INTERVAL, |pace| CHECK_INTERVAL.min(pace.period));
            self.tick.as_mut().reset(now + period);
        }
    }
}
