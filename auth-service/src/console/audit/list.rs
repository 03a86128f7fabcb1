//! `audit list`: pages through the events, and prints each page as it comes.

use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::Args;
use gatepost::api::auth::v1::{AuditEventFilter, ListAuditEventsRequest};
use kit::Clock;
use kit::cli::{CommandFailure, DocumentForm, OutputFormat, listing};
use prost_types::Timestamp;

use super::selection::EventSelection;
use crate::console::client::Client;
use crate::console::rows::EventRow;

/// Events of a page.
const PAGE_SIZE: i32 = 200;

/// Time and number of the events.
#[derive(Clone, Debug, Args)]
pub struct Period {
    /// Earliest time: a time such as 2026-01-31T08:00:00Z, or a length of time before now such as 2h or 7d
    #[arg(long, value_name = "TIME", value_parser = instant)]
    since: Option<Instant>,
    /// Time before which the events happened, in the same forms
    #[arg(long, value_name = "TIME", value_parser = instant)]
    until: Option<Instant>,
    /// Largest number of events
    #[arg(long, default_value = "50")]
    limit: u32,
}

/// Time of day, or a distance from now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Instant {
    At(DateTime<Utc>),
    Before(Duration),
}

impl Instant {
    fn timestamp(self, now: DateTime<Utc>) -> Timestamp {
        let time = match self {
            Self::At(time) => time,
            Self::Before(length) => now - length,
        };
        Timestamp { seconds: time.timestamp(), nanos: time.timestamp_subsec_nanos().cast_signed() }
    }
}

/// Parses a time, for clap.
fn instant(text: &str) -> Result<Instant, &'static str> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(Instant::At(time.to_utc()));
    }
    let length = kit::config::duration(text).ok().filter(|length| *length <= Duration::from_hours(24 * 365 * 10));
    length.map(Instant::Before).ok_or("write a time such as 2026-01-31T08:00:00Z, or a length of time such as 2h or 7d")
}

/// Lists events.
pub(super) async fn list(
    client: &Client,
    selection: EventSelection,
    period: Period,
    format: OutputFormat,
) -> Result<(), CommandFailure> {
    let now = Clock::system().now();
    let filter = AuditEventFilter {
        from_time: period.since.map(|time| time.timestamp(now)),
        until_time: period.until.map(|time| time.timestamp(now)),
        ..selection.filter(client).await?
    };
    let mut listing = listing(format, DocumentForm::Array);
    let mut left = usize::try_from(period.limit).unwrap_or(usize::MAX);
    let mut page_token = String::new();
    while left > 0 {
        let page_size = i32::try_from(left).unwrap_or(PAGE_SIZE).min(PAGE_SIZE);
        let request = ListAuditEventsRequest { page_size, page_token, filter: Some(filter.clone()) };
        let page = client.call(request, async |services, request| services.audit().list_audit_events(request).await);
        let page = page.await?;
        let rows: Vec<_> = page.events.into_iter().take(left).map(|event| EventRow::new(event, None)).collect();
        left -= rows.len();
        listing.rows(&rows)?;
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    listing.end::<EventRow>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_absolute_or_before_now() {
        let now = DateTime::from_timestamp(1_000_000, 0).unwrap();
        let seconds = |text: &str| instant(text).unwrap().timestamp(now).seconds;
        assert_eq!(seconds("1970-01-01T00:00:07+00:00"), 7);
        assert_eq!(seconds("1h"), 1_000_000 - 3600);
        assert!(["", "yesterday", "2026-01-31", "99999years"].into_iter().all(|text| instant(text).is_err()));
    }
}
