//! The time of day and the boot clock at one moment, stored in the SQLite file. A later process compares both with its
//! own clocks, and so detects a change of the time of day.

use std::fs;
use std::time::Duration;

use chrono::{DateTime, Utc};

/// Pair of the time of day and the boot clock at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// Id of the boot; empty if the machine has no such id.
    pub boot: String,
    /// Time of the boot clock.
    pub uptime: Duration,
    /// Time of day.
    pub time: DateTime<Utc>,
}

impl Anchor {
    /// Writes the anchor as a line of text.
    pub fn to_text(&self) -> String {
        format!("{} {} {}", self.time.timestamp_micros(), self.uptime.as_micros(), self.boot)
    }

    /// Parses the line of [`to_text`](Self::to_text); `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, ' ');
        let time = DateTime::from_timestamp_micros(parts.next()?.parse().ok()?)?;
        let uptime = Duration::from_micros(parts.next()?.parse().ok()?);
        Some(Self { boot: parts.next()?.to_owned(), uptime, time })
    }
}

/// Returns the id that Linux draws at each boot (`random(4)`); `None` on other systems.
pub(super) fn boot_id() -> Option<String> {
    let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(text.trim().to_owned()).filter(|id| !id.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchor_round_trips_as_text() {
        let time = DateTime::from_timestamp_micros(1_767_225_600_000_001).unwrap();
        for boot in ["", "6f1c 7d", "a"] {
            let anchor = Anchor { boot: boot.to_owned(), uptime: Duration::from_micros(7), time };
            assert_eq!(Anchor::parse(&anchor.to_text()), Some(anchor));
        }
        for other in ["", "1", "1 2", "x 2 boot", "1 -2 boot"] {
            assert_eq!(Anchor::parse(other), None, "{other}");
        }
    }
}
