//! Periodic comparison of the clock, with warnings in the log.

use std::time::Duration;

use tokio::time::sleep;

use super::reference::OffsetText;
use super::{CLOCK_TOLERANCE, Clock};
use crate::probe::Probe;
use crate::shutdown::Shutdown;

/// Pause between two comparisons of the clock.
const COMPARE_INTERVAL: Duration = Duration::from_secs(10);

/// Comparisons after which the warning about a wrong clock is repeated: ten minutes.
const COMPARISONS_PER_WARNING: u32 = 60;

/// Compares the clock every ten seconds until `stop`. `measure` records the database's time before each comparison.
///
/// Logs a warning while the clock is wrong by two seconds or more.
pub async fn keep(clock: Clock, measure: Probe, stop: Shutdown) {
    let keeping = async {
        // Comparisons since the last warning; `None` while the clock is right.
        let mut warned: Option<u32> = None;
        loop {
            // A failed measurement has its own line in the log, and the boot clock still counts.
            let _ = measure().await;
            clock.compare();
            warned = report(&clock, warned);
            sleep(COMPARE_INTERVAL).await;
        }
    };
    let _: Option<std::convert::Infallible> = stop.run_until_cancelled(Box::pin(keeping)).await;
}

/// Logs a wrong clock, and the end of the fault. Takes and returns the comparisons since the last warning; `None` while
/// the clock is right.
fn report(clock: &Clock, warned: Option<u32>) -> Option<u32> {
    let offset = clock.offset();
    if offset.abs() < CLOCK_TOLERANCE {
        if warned.is_some() {
            tracing::info!("the clock is right again");
        }
        return None;
    }
    let count = warned.unwrap_or(COMPARISONS_PER_WARNING);
    if count < COMPARISONS_PER_WARNING {
        return Some(count + 1);
    }
    tracing::warn!("{}: set it, and keep it right by a time server (NTP)", problem(clock).unwrap_or_default());
    Some(1)
}

/// Returns a text about a clock that is wrong by two seconds or more.
fn problem(clock: &Clock) -> Option<String> {
    let offset = clock.offset();
    (offset.abs() >= CLOCK_TOLERANCE).then(|| format!("the clock is {} {}", OffsetText(offset), clock.compared_with()))
}

impl Clock {
    /// Returns a text about the clock if it is wrong by two seconds or more.
    pub fn problem(&self) -> Option<String> {
        problem(self)
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};

    use super::*;

    #[test]
    fn wrong_clock_is_named_with_its_direction() {
        let clock = Clock::manual(DateTime::from_timestamp(1_000, 0).unwrap());
        clock.note_server(clock.now(), clock.uptime(), clock.uptime());
        assert_eq!(clock.problem(), None);
        clock.jump(TimeDelta::milliseconds(1_999));
        assert_eq!((clock.problem(), report(&clock, None)), (None, None));
        clock.jump(TimeDelta::milliseconds(10_001));
        assert_eq!(clock.problem().unwrap(), "the clock is 12.0 s ahead of the database server's");
        assert_eq!(report(&clock, None), Some(1));
        assert_eq!(report(&clock, Some(COMPARISONS_PER_WARNING)), Some(1), "the warning is repeated");
        clock.jump(TimeDelta::seconds(-20));
        assert_eq!(clock.problem().unwrap(), "the clock is 8.0 s behind the database server's");
    }
}
