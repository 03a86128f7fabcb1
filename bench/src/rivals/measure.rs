//! A rival under load: its starts, its turns, and the ends of its sessions.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use super::figures::{RefusalFigures, RivalFigures};
use super::revocation::time_until_refused;
use super::work::{RivalCall, RivalServer, RunningRival, SessionOpener, Work};
use super::{Rival, RivalSettings};
use crate::Failure;
use crate::load::{CallFuture, LoadSample, MAX_LOGINS, RoundFigures, Spread, closed_loop};

/// A rival that is being measured.
pub(super) struct RivalUnderLoad {
    running: RunningRival,
    work: Work,
    figures: RivalFigures,
    /// The present round until now.
    round: BTreeMap<RivalCall, LoadSample>,
}

impl RivalUnderLoad {
    /// Starts the rival several times on the same data, and prepares the last start for the calls.
    ///
    /// # Errors
    /// Fails if the rival does not start, or refuses the first call of a kind.
    pub(super) async fn start(
        rival: Rival,
        version: String,
        server: &dyn RivalServer,
        folder: &Path,
        settings: &RivalSettings,
    ) -> Result<Self, Failure> {
        std::fs::create_dir(folder)?;
        // The first start creates the data.
        let (mut running, mut starts) = (server.start(folder).await?, Vec::new());
        for _ in 0..settings.starts {
            running.stop().await?;
            running = server.start(folder).await?;
            starts.push(running.took.as_secs_f64());
        }
        let figures = RivalFigures::new(rival, version, &starts, running.memory()?);
        let work = server.prepare(&running, settings).await?;
        for (call, calls) in &work.calls {
            let first = calls.first().and_then(|call| call()).ok_or("a kind has no call")?;
            first.await.map_err(|status| format!("the first call of {call:?} failed: {status}"))?;
        }
        Ok(Self { running, work, figures, round: BTreeMap::new() })
    }

    /// Makes the calls of one turn, if the rival has this kind.
    pub(super) async fn turn(&mut self, call: RivalCall, settings: &RivalSettings) -> Result<(), Failure> {
        let Some(calls) = self.work.calls.get(&call) else { return Ok(()) };
        let callers = match call {
            RivalCall::Login => settings.callers.min(MAX_LOGINS),
            // A session has one refresh at a time.
            RivalCall::Refresh => settings.callers.min(calls.len()),
            _ => settings.callers,
        };
        let calls: Vec<_> = calls.iter().cloned().map(|call| move || -> Option<CallFuture<()>> { call() }).collect();
        let sample = closed_loop(callers, settings.turn(), &calls).await?;
        self.figures.memory_load_mib = self.figures.memory_load_mib.max(self.running.memory()?);
        if let Some(sum) = self.round.get_mut(&call) {
            return sum.add(sample);
        }
        self.round.insert(call, sample);
        Ok(())
    }

    /// Forgets the turns since the end of the last round.
    pub(super) fn forget_round(&mut self) {
        self.round.clear();
    }

    /// Adds the round to the figures.
    pub(super) fn end_round(&mut self) {
        for (call, sample) in std::mem::take(&mut self.round) {
            let failure =
                sample.first_failure.as_ref().map(|status| format!("{:?}: {}", status.code(), status.message()));
            self.figures.add(call, RoundFigures::new(&sample, None), failure);
        }
    }

    /// Ends sessions, one after the other, until a token is accepted for the whole wait or a session fails.
    pub(super) async fn end_sessions(&mut self, settings: &RivalSettings) {
        let Some(open) = &self.work.new_session else { return };
        let mut times = Vec::new();
        for _ in 0..settings.logouts {
            match end_session(open, settings).await {
                Ok(Some(time)) => times.push(time.as_secs_f64()),
                Ok(None) => {
                    self.figures.refused = Some(RefusalFigures::NotWithin(settings.wait_seconds));
                    return;
                }
                Err(failure) => {
                    self.figures.session_failure = Some(failure.to_string());
                    break;
                }
            }
        }
        self.figures.refused = (!times.is_empty()).then(|| RefusalFigures::After(Spread::of_rounds(&times)));
    }

    /// Stops the rival.
    pub(super) async fn stop(self) -> Result<RivalFigures, Failure> {
        self.running.stop().await?;
        Ok(self.figures)
    }
}

/// Opens a session and ends it. Returns the time until its token is refused.
async fn end_session(open: &SessionOpener, settings: &RivalSettings) -> Result<Option<Duration>, Failure> {
    let session = open().await.map_err(|status| format!("no new session: {status}"))?;
    time_until_refused(session, settings.wait()).await
}
