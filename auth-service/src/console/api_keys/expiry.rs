//! The end of an API key, as a person writes it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use kit::Clock;
use prost_types::Timestamp;

/// Expiry of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expiry {
    /// The key never expires.
    Never,
    /// The key expires at this time.
    At(DateTime<Utc>),
    /// The key expires after this length of time.
    In(Duration),
}

impl Expiry {
    /// Returns the time for a request; `None` if the key never expires.
    pub(super) fn timestamp(self) -> Option<Timestamp> {
        let time = match self {
            Self::Never => return None,
            Self::At(time) => time,
            Self::In(length) => Clock::system().now() + length,
        };
        Some(Timestamp { seconds: time.timestamp(), nanos: time.timestamp_subsec_nanos().cast_signed() })
    }
}

/// Parses an expiry, for clap.
pub(super) fn expiry(text: &str) -> Result<Expiry, &'static str> {
    if text == "never" {
        return Ok(Expiry::Never);
    }
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(Expiry::At(time.to_utc()));
    }
    let length = kit::config::duration(text).ok().filter(|length| *length < Duration::from_hours(24 * 365 * 1000));
    length.map(Expiry::In).ok_or("write a time such as 2027-01-31T08:00:00Z, a length of time such as 90d, or never")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expiry_is_a_time_or_a_length() {
        assert_eq!(expiry("never"), Ok(Expiry::Never));
        assert_eq!(expiry("90d"), Ok(Expiry::In(Duration::from_hours(90 * 24))));
        assert_eq!(expiry("1970-01-01T00:00:07Z").unwrap().timestamp().unwrap().seconds, 7);
        assert!(["", "soon", "2027-01-31", "99999999years"].into_iter().all(|text| expiry(text).is_err()));
    }
}
