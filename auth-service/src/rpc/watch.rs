//! `WatchRevocations`: the feed stream of one guard.

use std::sync::Arc;

use futures_util::Stream;
use futures_util::stream::unfold;
use gatepost::api::auth::v1::watch_revocations_request::Message;
use gatepost::api::auth::v1::{ErrorReason, WatchRevocationsRequest, WatchRevocationsResponse};
use kit::failure;
use kit::shutdown::Shutdown;
use tonic::{Status, Streaming};

use crate::app::App;
use crate::app::watch::FeedWatch;
use crate::convert;
use crate::error::AuthError;

/// Messages of a guard.
type Inbound = Streaming<WatchRevocationsRequest>;

/// Stream of one guard in both directions.
struct GuardStream {
    inbound: Inbound,
    watch: FeedWatch,
    is_greeted: bool,
    /// Cancelled when the service drains.
    stop: Shutdown,
    /// Set once the service drains: the guard gets all known entries, and the stream ends.
    is_last: bool,
}

/// Opens the feed for a guard of this service. The guard's first message names the position up to which it knows the log.
pub(super) async fn watch(
    app: &Arc<App>,
    service: &str,
    mut inbound: Inbound,
    stop: Shutdown,
) -> Result<impl Stream<Item = Result<WatchRevocationsResponse, Status>> + Send + use<>, Status> {
    let resume = match inbound.message().await?.and_then(|request| request.message) {
        Some(Message::Resume(resume)) => resume,
        Some(_) => return Err(AuthError::violation("resume", "must be the first message").into()),
        // No message, or a kind that this version does not know.
        None => return Err(failure::malformed::<ErrorReason>()),
    };
    let known = resume.position.map(convert::known).transpose()?;
    let watch = FeedWatch::open(app, service, known, &resume.digest).await?;
    let guard = GuardStream { inbound, watch, is_greeted: false, stop, is_last: false };
    Ok(unfold(Some(guard), |guard| async {
        let mut guard = guard?;
        match guard.next().await.transpose()? {
            Ok(said) => Some((Ok(said), Some(guard))),
            // The error ends the stream.
            Err(error) => Some((Err(error.into()), None)),
        }
    }))
}

impl GuardStream {
    /// Waits for the next message to the guard. Returns `None` if the guard has disconnected or the service stops.
    async fn next(&mut self) -> Result<Option<WatchRevocationsResponse>, AuthError> {
        if !std::mem::replace(&mut self.is_greeted, true) {
            return Ok(Some(convert::greeting(self.watch.keys())));
        }
        loop {
            if let Some(event) = self.watch.next() {
                return Ok(Some(convert::feed_event(event, || self.watch.keys())));
            }
            // The report comes before the wait: even a guard that disconnects at once has shown the loss.
            self.watch.report_lost();
            if self.is_last {
                return Ok(None);
            }
            tokio::select! {
                received = self.inbound.message() => match received {
                    Ok(Some(WatchRevocationsRequest { message })) => self.receive(message.as_ref())?,
                    // The guard has gone.
                    Ok(None) | Err(_) => return Ok(None),
                },
                () = self.watch.changed() => {}
                () = self.stop.cancelled() => {
                    self.is_last = true;
                    self.watch.end_pause();
                }
            }
        }
    }

    fn receive(&mut self, message: Option<&Message>) -> Result<(), AuthError> {
        match message {
            Some(Message::Renew(renew)) => self.watch.ask(renew.nonce),
            Some(Message::Acknowledge(acknowledge)) => self.watch.acknowledge(acknowledge.revision),
            Some(Message::Resume(_)) => return Err(AuthError::violation("resume", "must not come again")),
            // A message of a later version gets no answer.
            None => {}
        }
        Ok(())
    }
}
