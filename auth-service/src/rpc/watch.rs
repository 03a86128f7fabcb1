//! `WatchRevocations`: one guard's stream.

use std::sync::Arc;

use futures_util::Stream;
use futures_util::stream::unfold;
use gatepost::api::auth::v1::watch_revocations_request::Message;
use gatepost::api::auth::v1::{ErrorReason, WatchRevocationsRequest, WatchRevocationsResponse};
use kit::failure;
use tonic::{Status, Streaming};

use crate::convert;
use crate::error::Error;
use crate::feed::{Listener, Outlet, Said};
use crate::state::State;
use crate::view::Changes;

/// What a guard says, message by message.
type Inbound = Streaming<WatchRevocationsRequest>;

/// What one guard is told: nothing is made before the guard has room for it, so that a slow one costs no memory.
struct Watch {
    state: Arc<State>,
    inbound: Inbound,
    outlet: Outlet,
    listener: Listener,
    changes: Changes,
    is_greeted: bool,
}

/// Begins to tell a guard, which says first how far it knows the log.
pub(super) async fn watch(
    state: &Arc<State>,
    mut inbound: Inbound,
) -> Result<impl Stream<Item = Result<WatchRevocationsResponse, Status>> + Send + use<>, Status> {
    let resume = match inbound.message().await?.and_then(|request| request.message) {
        Some(Message::Resume(resume)) => resume,
        Some(_) => return Err(convert::violation("resume", "must be the first message").into()),
        // Nothing, or a kind that this version does not know.
        None => return Err(failure::malformed::<ErrorReason>()),
    };
    let known = resume.position.map(convert::known).transpose()?;
    // Whoever comes for the first time has no digest, and is greeted with one.
    let known = known.filter(|_| resume.digest.is_empty() || resume.digest == state.digest());
    let listener = state.listeners.join(known.map_or(-1, |position| position.last.revision));
    // Before the history is read: what it learns later is told.
    let changes = state.view.changes();
    let outlet = state.view.read_at(|history, now| Outlet::open(history, known, now));
    let watch = Watch { state: Arc::clone(state), inbound, outlet, listener, changes, is_greeted: false };
    Ok(unfold(Some(watch), |watch| async {
        let mut watch = watch?;
        match watch.next().await.transpose()? {
            Ok(said) => Some((Ok(said), Some(watch))),
            // The stream ends with the refusal.
            Err(error) => Some((Err(error.into()), None)),
        }
    }))
}

impl Watch {
    /// What the guard is told next; `None` when it has gone, or the service stops.
    async fn next(&mut self) -> Result<Option<WatchRevocationsResponse>, Error> {
        if !std::mem::replace(&mut self.is_greeted, true) {
            return Ok(Some(convert::greeting(self.keys())));
        }
        loop {
            let Self { state, outlet, .. } = self;
            if let Some(said) = state.view.read_at(|history, now| outlet.next(history, now)) {
                return Ok(Some(self.write(said)));
            }
            let is_asked = outlet.asked().is_some();
            tokio::select! {
                heard = self.inbound.message() => match heard {
                    Ok(Some(WatchRevocationsRequest { message })) => self.hear(message.as_ref())?,
                    // It has nobody to be told.
                    Ok(None) | Err(_) => return Ok(None),
                },
                () = self.changes.next(is_asked) => {}
                () = self.state.stop.cancelled() => return Ok(None),
            }
        }
    }

    fn hear(&mut self, message: Option<&Message>) -> Result<(), Error> {
        match message {
            Some(Message::Renew(renew)) => self.outlet.ask(renew.nonce),
            Some(Message::Acknowledge(acknowledge)) => self.listener.acknowledge(acknowledge.revision),
            Some(Message::Resume(_)) => return Err(convert::violation("resume", "must not come again")),
            // A later version's: whatever it asks for, it gets no answer.
            None => {}
        }
        Ok(())
    }

    fn write(&self, said: Said) -> WatchRevocationsResponse {
        convert::said(said, || self.keys())
    }

    /// Returns what the guard is told of the keys as they are now.
    fn keys(&self) -> convert::Keys {
        let keys = self.state.keys.at(self.state.clock.now());
        convert::Keys { digest: self.state.digest(), names: keys.names().map(convert::key_name).collect() }
    }
}
