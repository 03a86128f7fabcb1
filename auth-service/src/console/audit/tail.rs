//! `audit tail`: follows the events, and continues after a broken stream without a gap.

use std::time::Duration;

use gatepost::api::auth::v1::{AuditEventFilter, ErrorReason, WatchAuditEventsRequest};
use kit::cli::{CommandFailure, DocumentForm, FailureKind, Listing, OutputFormat, listing};
use kit::output;
use tokio::time::sleep;
use tonic::{Code, Status};

use super::selection::EventSelection;
use crate::console::client::Client;
use crate::console::refusal::reason;
use crate::console::rows::EventRow;

/// Pauses between attempts to continue a broken stream.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const MAX_PAUSE: Duration = Duration::from_secs(8);

/// Stream that is followed.
struct Tail<'c> {
    client: &'c Client,
    filter: AuditEventFilter,
    /// Place after the last printed event.
    cursor: String,
    listing: Listing<std::io::Stdout>,
}

/// End of a broken stream.
struct StreamEnd {
    status: Option<Status>,
    /// Set if the stream had begun.
    was_open: bool,
}

/// Follows the events until the command is stopped.
pub(super) async fn tail(
    client: &Client,
    selection: EventSelection,
    cursor: String,
    format: OutputFormat,
) -> Result<(), CommandFailure> {
    let filter = selection.filter(client).await?;
    let listing = listing(format, DocumentForm::Lines);
    let mut tail = Tail { client, filter, cursor, listing };
    let (mut pause, mut is_first) = (FIRST_PAUSE, true);
    loop {
        let end = tail.follow().await?;
        tail.check(&end, is_first)?;
        let was_open = end.was_open;
        if was_open {
            (pause, is_first) = (FIRST_PAUSE, false);
            output::err("The stream of events has ended; it continues as soon as the service answers.");
        }
        sleep(pause + pause.mul_f64(f64::from(kit::random::bytes::<1>()[0]) / 512.0)).await;
        pause = (pause * 2).min(MAX_PAUSE);
    }
}

impl Tail<'_> {
    /// Opens a stream after the cursor, and prints its events until its end.
    async fn follow(&mut self) -> Result<StreamEnd, CommandFailure> {
        let request = WatchAuditEventsRequest { filter: Some(self.filter.clone()), cursor: self.cursor.clone() };
        let opened =
            self.client.try_call(request, async |services, request| services.audit().watch_audit_events(request).await);
        let mut stream = match opened.await {
            Ok(Ok(stream)) => stream,
            Ok(Err(status)) => return Ok(StreamEnd { status: Some(status), was_open: false }),
            // The token of a stored login could not be renewed now.
            Err(failure) if failure.kind == FailureKind::Unavailable && !self.cursor.is_empty() => {
                return Ok(StreamEnd { status: None, was_open: false });
            }
            Err(failure) => return Err(failure),
        };
        loop {
            let message = match stream.message().await {
                Ok(Some(message)) => message,
                Ok(None) => return Ok(StreamEnd { status: None, was_open: true }),
                Err(status) => return Ok(StreamEnd { status: Some(status), was_open: true }),
            };
            self.cursor = message.cursor;
            let rows: Vec<_> =
                message.event.into_iter().map(|event| EventRow::new(event, Some(self.cursor.clone()))).collect();
            self.listing.rows(&rows)?;
        }
    }

    /// Fails if no later stream can succeed. Each failure of a command's first stream is final.
    fn check(&self, end: &StreamEnd, is_first: bool) -> Result<(), CommandFailure> {
        let StreamEnd { status: Some(status), was_open } = end else { return Ok(()) };
        if reason(status) == Some(ErrorReason::CursorExpired) {
            return Err(CommandFailure::refused(
                "events after the cursor are gone: the retention deleted them, or the database was restored; see `audit list`, \
                 then run this again without --cursor",
            ));
        }
        let failure = self.client.failure(status);
        // The token of an open stream expires, and the next stream has another one. If that one is refused, too, there is
        // no other. A cut connection gives any of these codes, without a reason.
        let is_cut =
            matches!(status.code(), Code::Unknown | Code::Internal | Code::Cancelled) && reason(status).is_none();
        let is_passing = match failure.kind {
            FailureKind::Unavailable => true,
            FailureKind::Unauthenticated => *was_open,
            _ => is_cut,
        };
        if is_first && !was_open || !is_passing { Err(failure) } else { Ok(()) }
    }
}
