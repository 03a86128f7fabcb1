//! `WatchRevocations`: one guard's stream.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use futures_util::stream::unfold;
use gatepost::api::auth::v1::watch_revocations_request::Message;
use gatepost::api::auth::v1::{ErrorReason, WatchRevocationsRequest, WatchRevocationsResponse};
use kit::failure;
use tokio::time::{Instant, sleep_until};
use tonic::{Status, Streaming};

use crate::app::State;
use crate::convert;
use crate::domain::Position;
use crate::error::Error;
use crate::feed::{Listener, Outlet, Said};
use crate::view::{After, Changes};

/// The pause after a batch of entries, for each guard that listens: a replica writes ten batches a second to a thousand
/// guards.
const PACE_PER_GUARD: Duration = Duration::from_micros(100);

/// The shortest pause that is worth a timer.
const SHORTEST_PACE: Duration = Duration::from_millis(1);

/// The longest pause: small beside the second that evidence is good for.
const LONGEST_PACE: Duration = Duration::from_millis(200);

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
    /// Entries have been told since the last pause.
    is_telling: bool,
    /// The next entries are told then, or with the next renewal.
    pause: Option<Instant>,
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
    let is_refuted = is_refuted(state, known).await?;
    // A guard that comes for the first time has no digest, and is greeted with one.
    let is_current = resume.digest.is_empty() || resume.digest == state.digest();
    let listener = state.listeners.join(known.map_or(-1, |position| position.last.revision));
    // Before the history is read: what it learns later is told.
    let changes = state.view.changes();
    let outlet = state.view.read_at(|history, now| Outlet::open(history, known, now));
    let outlet = if is_refuted { outlet.refuted() } else { outlet };
    let outlet = if is_current { outlet } else { outlet.anew() };
    let watch = Watch {
        state: Arc::clone(state),
        inbound,
        outlet,
        listener,
        changes,
        is_greeted: false,
        is_telling: false,
        pause: None,
    };
    Ok(unfold(Some(watch), |watch| async {
        let mut watch = watch?;
        match watch.next().await.transpose()? {
            Ok(said) => Some((Ok(said), Some(watch))),
            // The stream ends with the refusal.
            Err(error) => Some((Err(error.into()), None)),
        }
    }))
}

/// Returns true if the log has another entry of the revision that a guard says it knows. The view tells that of the last
/// entries, the database of the others.
async fn is_refuted(state: &State, known: Option<Position>) -> Result<bool, Error> {
    let is_far_back = |known: &Position| {
        state.view.read_at(|history, _| {
            history.position().is_some_and(|own| own.log == known.log) && history.after(known.last) == After::Lost
        })
    };
    let Some(known) = known.filter(is_far_back) else { return Ok(false) };
    let mark = state.store.log_mark(known.last.revision).await?;
    Ok(mark.is_some_and(|mark| mark != known.last.mark))
}

impl Watch {
    /// What the guard is told next; `None` when it has gone, or the service stops.
    async fn next(&mut self) -> Result<Option<WatchRevocationsResponse>, Error> {
        if !std::mem::replace(&mut self.is_greeted, true) {
            return Ok(Some(convert::greeting(self.keys())));
        }
        loop {
            if let Some(said) = self.say() {
                return Ok(Some(said));
            }
            let Self { state, outlet, .. } = self;
            if let Some(lost) = state.view.read_at(|history, _| outlet.lost(history)) {
                state.view.report_lost(lost);
            }
            let (any_look, pause) = (outlet.awaits_look(), self.pause);
            tokio::select! {
                heard = self.inbound.message() => match heard {
                    Ok(Some(WatchRevocationsRequest { message })) => self.hear(message.as_ref())?,
                    // It has nobody to be told.
                    Ok(None) | Err(_) => return Ok(None),
                },
                () = self.changes.next(any_look), if pause.is_none() => {}
                () = until(pause), if pause.is_some() => self.pause = None,
                () = self.state.stop.cancelled() => return Ok(None),
            }
        }
    }

    /// Returns what the guard is told now, if there is anything. A batch of entries is followed by a pause, in which the next
    /// batch gathers; a question for a renewal ends it.
    fn say(&mut self) -> Option<WatchRevocationsResponse> {
        if self.pause.is_some() && self.outlet.asked().is_none() {
            return None;
        }
        let Self { state, outlet, .. } = self;
        let said = state.view.read_at(|history, now| outlet.next(history, now));
        match &said {
            Some(said) => self.is_telling |= matches!(said, Said::Revocation(_)),
            None if std::mem::take(&mut self.is_telling) => {
                self.pause = pace(state.listeners.count()).map(|pace| Instant::now() + pace);
            }
            None => {}
        }
        said.map(|said| self.write(said))
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

/// Returns the pause after a batch for one of so many guards: each batch costs a message to every guard, and every guard's
/// answer. A few guards need no pause.
fn pace(guards: usize) -> Option<Duration> {
    let pace = PACE_PER_GUARD.saturating_mul(u32::try_from(guards).unwrap_or(u32::MAX)).min(LONGEST_PACE);
    Some(pace).filter(|pace| *pace >= SHORTEST_PACE)
}

async fn until(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_guards_are_told_in_batches() {
        let millis = [0, 9, 10, 1000, 100_000, usize::MAX].map(|guards| pace(guards).map(|pace| pace.as_millis()));
        assert_eq!(millis, [None, None, Some(1), Some(100), Some(200), Some(200)]);
    }
}
