//! One moment, and what becomes of it.

use std::time::Duration;

use auth_service::domain::{Position, Revocation};
use auth_service::feed::{Outlet, Said};
use gatepost::ledger::LEASE;

use crate::Mutation;
use crate::guard::{Guard, Stream};
use crate::replica::{Database, Found, Look, Replica, TOKENS, session, user};
use crate::world::{LATE, TICK};

/// One moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    pub(crate) now: Duration,
    pub(crate) database: Database,
    pub(crate) replicas: Vec<Replica>,
    pub(crate) guards: Vec<Guard>,
    /// When each token's revocation was acknowledged: as soon as it was committed, which is the earliest.
    pub(crate) dead_since: Vec<Option<Duration>>,
    pub(crate) watched: usize,
    pub(crate) revocations: u8,
    pub(crate) forks: u8,
    pub(crate) restarts: u8,
}

impl State {
    /// How long after their tokens' revocation calls can begin now, or have begun, that are let in.
    pub(crate) fn late(&self, mutation: Option<Mutation>) -> impl Iterator<Item = Duration> {
        self.guards.iter().flat_map(move |guard| {
            let call = guard.lets_in(self.now, mutation).map(|(token, _)| (token, self.now));
            let late = |(token, began): (usize, Duration)| began.checked_sub(self.dead_since[token]?);
            [call, guard.lets_reader_in(self.now)].into_iter().flatten().filter_map(late)
        })
    }

    pub(crate) fn is_renewed(&self, mutation: Option<Mutation>) -> bool {
        let mut let_in = self.guards.iter().filter_map(|guard| guard.lets_in(self.now, mutation));
        let_in.any(|(_, asked)| self.now > asked + LEASE)
    }

    /// What the lost rows revoked is not what the promise is about: it holds for a database that keeps what it acknowledges.
    pub(crate) fn lose(&mut self, left: usize) {
        for lost in self.database.lose(left, self.now) {
            if let Some(token) = token(&lost) {
                self.dead_since[token] = None;
            }
        }
        self.forks -= 1;
    }

    pub(crate) fn look(&mut self, replica: usize, look: Look, mutation: Option<Mutation>) {
        match self.replicas[replica].take(&mut self.database, look, self.now, mutation) {
            Found::Fork => {
                for since in &mut self.dead_since {
                    since.get_or_insert(self.now);
                }
            }
            Found::NewHistory if mutation == Some(Mutation::LateReset) => {
                let history = &self.replicas[replica].history;
                for stream in self.guards.iter_mut().filter_map(|guard| guard.stream.as_mut()) {
                    if stream.replica == replica {
                        stream.outlet = Outlet::open(history, history.position(), self.now);
                        stream.owes_reset = true;
                    }
                }
            }
            Found::Nothing | Found::NewHistory => {}
        }
    }

    /// A replica starts anew: its connections are gone with all that was on them.
    pub(crate) fn restart(&mut self, replica: usize) {
        self.replicas[replica] = Replica { is_past: self.database.before.is_some(), ..Replica::default() };
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
        let mut stream = Stream::new(replica, Outlet::open(history, from, now), history, now);
        stream.awaited = known.filter(|_| is_ahead && mutation == Some(Mutation::MarksNotRechecked));
        guard.stream = Some(stream);
    }

    pub(crate) fn renewal(&mut self, guard: usize, mutation: Option<Mutation>) -> Option<(Said, Duration)> {
        let stream = self.guards[guard].stream.as_mut()?;
        let replica = &self.replicas[stream.replica];
        stream.renewal(&replica.history, self.now, replica.time_of_renewals(self.now, mutation))
    }

    /// The replica has come to where the guard says it is, and does not look whether the row is the same.
    pub(crate) fn go_on(&mut self, guard: usize) -> Option<()> {
        let stream = self.guards[guard].stream.as_mut()?;
        let (history, awaited) = (&self.replicas[stream.replica].history, stream.awaited?);
        let row = self.database.log.rows.get(usize::try_from(awaited.last.revision).ok()?)?;
        history.position().filter(|own| own.last.revision >= awaited.last.revision)?;
        let there = Position { last: row.entry.logged, ..awaited };
        stream.outlet = Outlet::open(history, Some(there), self.now);
        stream.awaited = None;
        Some(())
    }

    /// Does at once what makes no difference when it is done later, and forgets what is over.
    pub(crate) fn settle(&mut self, mutation: Option<Mutation>) {
        let Self { now, replicas, guards, database, .. } = self;
        let are_past = replicas.iter().all(|replica| replica.is_past);
        database.before.take_if(|(until, _)| are_past || *now > *until + TICK * LATE);
        for guard in guards {
            // All but renewals is as good as said, and late with the guard.
            if let Some(stream) = guard.stream.as_mut().filter(|stream| stream.read.is_none()) {
                stream.say_news(&replicas[stream.replica].history, *now);
            }
            if mutation.is_none() {
                guard.forget_what_is_over(*now);
            }
        }
    }
}

/// Whose token a row kills.
fn token(revoked: &Revocation) -> Option<usize> {
    (0..TOKENS).find(|token| match revoked {
        Revocation::Session(id) => *id == session(*token),
        Revocation::User { id, .. } => *id == user(*token),
        _ => false,
    })
}
