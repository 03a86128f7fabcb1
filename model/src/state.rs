//! One state of the world, and its changes.

use std::time::Duration;

use auth_service::domain::{Position, Revocation};
use auth_service::feed::FeedCursor;
use gatepost::revocation_state::LEASE;

use crate::Mutation;
use crate::database::{ModelDatabase, ModelPoll};
use crate::guard::{AdmittedCall, ModelGuard, ModelStream, SentEvent};
use crate::limits::Clocks;
use crate::replica::{MAX_TOKENS, ModelReplica, PollResult, revocation, session, user};
use crate::times::{LATE_POLL_TICKS, TICK_LENGTH};

/// One state of the world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelState {
    pub(crate) now: Duration,
    pub(crate) database: ModelDatabase,
    pub(crate) replicas: Vec<ModelReplica>,
    pub(crate) guards: Vec<ModelGuard>,
    /// Time of each token's acknowledged revocation: the commit, which is the earliest possible.
    pub(crate) dead_since: Vec<Option<Duration>>,
    pub(crate) watched: usize,
    pub(crate) revocations: u8,
    pub(crate) forks: u8,
    pub(crate) restarts: u8,
    pub(crate) clocks: Clocks,
}

impl ModelState {
    /// Returns, for each call that is admitted now with a revoked token, the time since the revocation.
    pub(crate) fn late(&self, mutation: Option<Mutation>) -> impl Iterator<Item = Duration> {
        self.guards.iter().flat_map(move |guard| {
            let call = guard.admits(self.now, mutation);
            let call = call.map(|kept| AdmittedCall { token: kept.token, began: self.now });
            let late = |call: AdmittedCall| call.began.checked_sub(self.dead_since[call.token]?);
            [call, guard.admits_reader(self.now)].into_iter().flatten().filter_map(late)
        })
    }

    pub(crate) fn is_renewed(&self, mutation: Option<Mutation>) -> bool {
        let mut admitted = self.guards.iter().filter_map(|guard| guard.admits(self.now, mutation));
        admitted.any(|kept| self.now > kept.evidence.asked + LEASE)
    }

    /// Loses rows. The promise does not cover lost revocations: it holds for a database that keeps acknowledged writes.
    pub(crate) fn lose(&mut self, left: usize) {
        for lost in self.database.lose(left, self.now) {
            if let Some(token) = token(&lost) {
                self.dead_since[token] = None;
            }
        }
        self.forks -= 1;
    }

    /// Revokes a token. A clock that is this much behind stamps the row.
    pub(crate) fn revoke(&mut self, token: usize, behind: Duration, mutation: Option<Mutation>) {
        self.database.append(revocation(token), self.now, behind, mutation);
        self.dead_since[token] = Some(self.now);
        self.revocations -= 1;
    }

    /// Gives a guard an introspection, which is good for as long as its token.
    pub(crate) fn keep(&mut self, guard: usize, token: usize, at: Position, asked: Duration) {
        let ttl = self.clocks.expire_time().map_or(Duration::from_hours(1), |time| time.saturating_sub(asked));
        self.guards[guard].keep(token, at, asked, ttl);
    }

    /// Delivers a guard's next message. If only this guard knew the lost rows, a reset removes the last knowledge of
    /// these rows. From then on, everything must be refused.
    pub(crate) fn receive(&mut self, guard: usize, mutation: Option<Mutation>) {
        let guard = &mut self.guards[guard];
        let known = guard.known();
        guard.receive(self.now, mutation);
        // Without fingerprints, a lost row looks like the row that replaces it.
        let is_lost =
            |place: Position| mutation != Some(Mutation::NoFingerprints) && self.database.lost.contains(&place.last);
        if known.is_some_and(is_lost) && guard.known().is_some_and(|now| !is_lost(now)) {
            self.all_are_dead();
        }
    }

    fn all_are_dead(&mut self) {
        for since in &mut self.dead_since {
            since.get_or_insert(self.now);
        }
    }

    /// Reports, through a guard's stream, that the log has lost the guard's position.
    pub(crate) fn report(&mut self, guard: usize) -> Option<()> {
        let stream = self.guards[guard].stream.as_ref()?;
        let replica = &mut self.replicas[stream.replica];
        let lost = stream.cursor.lost(&replica.history)?;
        if replica.report_lost(lost, &mut self.database, self.now) == PollResult::Fork {
            self.all_are_dead();
        }
        Some(())
    }

    pub(crate) fn poll(&mut self, replica: usize, poll: ModelPoll, mutation: Option<Mutation>) {
        match self.replicas[replica].take(&mut self.database, poll, self.now, mutation) {
            PollResult::Fork => self.all_are_dead(),
            PollResult::NewHistory if mutation == Some(Mutation::LateReset) => {
                let history = &self.replicas[replica].history;
                for stream in self.guards.iter_mut().filter_map(|guard| guard.stream.as_mut()) {
                    if stream.replica == replica {
                        stream.cursor = FeedCursor::open(history, history.position(), self.now);
                        stream.owes_reset = true;
                    }
                }
            }
            PollResult::Nothing | PollResult::NewHistory => {}
        }
    }

    /// Restarts a replica. Its connections are lost with all messages on them.
    pub(crate) fn restart(&mut self, replica: usize) {
        self.replicas[replica] = ModelReplica { is_past: self.database.before.is_some(), ..ModelReplica::default() };
        self.restarts -= 1;
        for guard in &mut self.guards {
            guard.stream.take_if(|stream| stream.replica == replica);
            guard.flight.take_if(|flight| flight.replica == replica);
        }
    }

    pub(crate) fn open(&mut self, guard: usize, replica: usize, mutation: Option<Mutation>) {
        let (now, history, guard) = (self.now, &self.replicas[replica].history, &mut self.guards[guard]);
        let (own, known) = (history.position(), guard.known());
        let is_ahead = known.is_some_and(|known| own.is_some_and(|own| known.last.revision > own.last.revision));
        let from = if mutation == Some(Mutation::ResumeIgnored) { known.and(own) } else { known };
        let mut stream = ModelStream::new(replica, FeedCursor::open(history, from, now), history, now);
        stream.awaited = known.filter(|_| is_ahead && mutation == Some(Mutation::FingerprintsNotRechecked));
        guard.stream = Some(stream);
    }

    pub(crate) fn renewal(&mut self, guard: usize, mutation: Option<Mutation>) -> Option<SentEvent> {
        let stream = self.guards[guard].stream.as_mut()?;
        let replica = &self.replicas[stream.replica];
        stream.renewal(&replica.history, self.now, replica.time_of_renewals(self.now, mutation))
    }

    /// Continues a stream once the replica has reached the guard's position, without comparing the row.
    pub(crate) fn continue_stream(&mut self, guard: usize) -> Option<()> {
        let stream = self.guards[guard].stream.as_mut()?;
        let (history, awaited) = (&self.replicas[stream.replica].history, stream.awaited?);
        let row = self.database.log.rows.get(usize::try_from(awaited.last.revision).ok()?)?;
        history.position().filter(|own| own.last.revision >= awaited.last.revision)?;
        let there = Position { last: row.entry.logged, ..awaited };
        stream.cursor = FeedCursor::open(history, Some(there), self.now);
        stream.awaited = None;
        Some(())
    }

    /// Runs the steps whose time makes no difference, and removes expired state.
    pub(crate) fn settle(&mut self, mutation: Option<Mutation>) {
        let Self { now, replicas, guards, database, .. } = self;
        let are_past = replicas.iter().all(|replica| replica.is_past);
        database.before.take_if(|before| are_past || *now > before.until + TICK_LENGTH * LATE_POLL_TICKS);
        for guard in guards {
            // All messages but renewals are sent at once, and may arrive late.
            if let Some(stream) = guard.stream.as_mut().filter(|stream| stream.read.is_none()) {
                let history = &replicas[stream.replica].history;
                if mutation == Some(Mutation::GuardsLossIgnored) && stream.cursor.lost(history).is_some() {
                    stream.cursor = FeedCursor::open(history, None, *now);
                }
                stream.send_news(history, *now);
            }
            if mutation.is_none() {
                guard.forget_expired(*now);
            }
        }
    }
}

/// Returns the token that a row kills.
fn token(revoked: &Revocation) -> Option<usize> {
    (0..MAX_TOKENS).find(|token| match revoked {
        Revocation::Session(id) => *id == session(*token),
        Revocation::User { id, .. } => *id == user(*token),
        _ => false,
    })
}
