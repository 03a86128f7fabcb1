//! All possible events.

use std::time::Duration;

use auth_service::feed::FeedEvent;
use stateright::{Model, Property};

use crate::Mutation;
use crate::database::{Database, Look};
use crate::guard::{Flight, Guard};
use crate::limits::{Clocks, Limits};
use crate::replica::{Replica, TOKENS};
use crate::state::State;
use crate::times::{BEGIN, BOUND, TICK};

/// The property of every state.
pub const PROMISE: &str = "no call is let in that begins later than the bound after the revocation";

/// A property of every state, for a log that keeps its rows.
pub const NO_FALSE_ALARM: &str = "the log restarts only after rows were lost";

/// A property of every state, about outages.
pub const RECOVERY: &str = "after the last failure, feeds are renewed and new tokens are good within 1.5 s";

/// A state that must exist, because the bound is no smaller.
pub const LAST_MOMENT: &str = "a call is let in at the last moment of the bound";

/// A state that must exist, because leases have an effect.
pub const RENEWED: &str = "a verdict is good that is older than its own second";

/// The system within these limits, with or without a fault.
#[derive(Clone, Copy, Debug)]
pub struct World {
    /// The limits.
    pub limits: Limits,
    /// The fault, if any.
    pub mutation: Option<Mutation>,
}

/// An event. Numbers identify guards, replicas and tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Time advances.
    Tick,
    /// A token is revoked; the row is stamped by a right clock.
    Revoke(usize),
    /// A token is revoked; the row is stamped by a clock that is an hour behind.
    RevokeBehind(usize),
    /// This many of the oldest rows are pruned.
    Prune(usize),
    /// A guard's stream tells a replica that the log has lost the guard's position.
    Report(usize),
    /// The database keeps only this many rows, as after a failover to a copy that was behind.
    Lose(usize),
    /// A replica's poll ends.
    Look(usize, Look),
    /// A replica's poll is about to end, and a part of its result is visible.
    Show(usize, Look),
    /// The visible poll ends.
    EndShow(usize),
    /// A replica restarts.
    Restart(usize),
    /// A guard opens a stream to a replica, and loses its earlier one with all messages on it.
    Open(usize, usize),
    /// A guard's renewal is asked for and given.
    Renew(usize),
    /// The replica starts a renewal in two steps.
    BeginToRenew(usize),
    /// The replica ends that renewal.
    EndRenewing(usize),
    /// A guard's stream continues at its claimed position.
    GoOn(usize),
    /// A guard learns late that its feed starts over.
    ResetLate(usize),
    /// A guard receives its next message.
    Hear(usize),
    /// A guard asks about a token, and a replica gives an introspection.
    Answer(usize, usize, usize),
    /// A replica starts an answer in two steps.
    BeginToAnswer(usize, usize, usize),
    /// The replica ends that answer.
    EndAnswering(usize),
    /// An answer arrives.
    Land(usize),
    /// A call starts to read the guard's fields.
    BeginToRead(usize),
}

impl Model for World {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let Limits { guards, replicas, tokens, rows, revocations, forks, restarts, clocks, .. } = self.limits;
        let tokens = tokens.min(TOKENS);
        vec![State {
            now: BEGIN,
            database: Database::new(clocks),
            replicas: vec![Replica::default(); replicas],
            guards: vec![Guard::new(rows); guards],
            dead_since: vec![None; tokens],
            watched: self.limits.watched.min(tokens),
            revocations,
            forks,
            restarts,
            clocks,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        actions.push(Action::Tick);
        let alive = (0..state.dead_since.len()).filter(|token| state.dead_since[*token].is_none());
        let alive: Vec<_> = alive.filter(|_| state.revocations > 0).collect();
        actions.extend(alive.iter().copied().map(Action::Revoke));
        if matches!(state.clocks, Clocks::Near { .. }) {
            actions.extend(alive.into_iter().map(Action::RevokeBehind));
        }
        let pruned = state.database.log.pruned;
        if state.forks > 0 {
            actions.extend((pruned + 1..state.database.log.rows.len()).map(Action::Lose));
        }
        actions.extend((pruned + 1..=state.database.prunable(state.now, self.mutation)).map(Action::Prune));
        for replica in 0..state.replicas.len() {
            self.of_replica(state, replica, actions);
        }
        for (guard, it) in state.guards.iter().enumerate() {
            self.of_stream(state, guard, it, actions);
            self.of_calls(state, guard, it, actions);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        let (now, mutation) = (state.now, self.mutation);
        match action {
            Action::Tick => state.now += TICK,
            Action::Revoke(token) => state.revoke(token, Duration::ZERO, mutation),
            Action::RevokeBehind(token) => state.revoke(token, TICK, mutation),
            Action::Prune(rows) => state.database.prune(rows, mutation),
            Action::Report(guard) => state.report(guard)?,
            Action::Lose(left) => state.lose(left),
            Action::Look(replica, look) => state.look(replica, look, mutation),
            Action::Show(replica, look) => state.replicas[replica].show_half(&state.database, look),
            Action::EndShow(replica) => state.replicas[replica].history = state.replicas[replica].half.take()?,
            Action::Restart(replica) => state.restart(replica),
            Action::Open(guard, replica) => state.open(guard, replica, mutation),
            Action::Renew(guard) => {
                let renewal = state.renewal(guard, mutation)?;
                state.guards[guard].stream.as_mut()?.down.push_back(renewal);
            }
            // By a view of any age: the time of the poll is read later.
            Action::BeginToRenew(guard) => {
                let renewal = state.renewal(guard, Some(Mutation::StaleRenewal))?;
                state.guards[guard].stream.as_mut()?.read = Some(renewal);
            }
            Action::EndRenewing(guard) => {
                let stream = state.guards[guard].stream.as_mut()?;
                state.replicas[stream.replica].history.position_at(now).ok()?;
                stream.down.push_back(stream.read.take()?);
            }
            Action::GoOn(guard) => state.go_on(guard)?,
            Action::ResetLate(guard) => {
                let stream = state.guards[guard].stream.as_mut()?;
                stream.owes_reset = false;
                stream.down.push_back((FeedEvent::Reset(state.replicas[stream.replica].history.position()?), now));
            }
            Action::Hear(guard) => state.hear(guard, mutation),
            Action::Answer(guard, token, replica) => {
                let at = state.replicas[replica].judge(token, state.clocks, now, mutation)?.ok()?;
                if mutation == Some(Mutation::JoinersOwnTime) {
                    state.guards[guard].flight = Some(Flight { token, replica, asked: now, answered: Some(at) });
                } else {
                    state.keep(guard, token, at, now);
                }
            }
            Action::BeginToAnswer(guard, token, replica) => {
                state.replicas[replica].judge(token, state.clocks, now, mutation)?.ok()?;
                state.guards[guard].flight = Some(Flight { token, replica, asked: now, answered: None });
            }
            Action::EndAnswering(guard) => {
                let Flight { token, replica, asked, .. } = state.guards[guard].flight.take()?;
                let at = state.replicas[replica].history.position_at(now).ok()?;
                state.keep(guard, token, at, asked);
            }
            // A caller that has just joined counts the answer from its own time.
            Action::Land(guard) => {
                let Flight { token, answered, .. } = state.guards[guard].flight.take()?;
                state.keep(guard, token, answered?, now);
            }
            Action::BeginToRead(guard) => state.guards[guard].begin_to_read(now),
        }
        state.settle(mutation);
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always(PROMISE, |world: &Self, state: &State| {
                state.late(world.mutation).all(|late| late <= BOUND)
            }),
            Property::sometimes(LAST_MOMENT, |world: &Self, state: &State| {
                state.late(world.mutation).any(|late| late == BOUND)
            }),
            Property::sometimes(RENEWED, |world: &Self, state: &State| state.is_renewed(world.mutation)),
            Property::always(NO_FALSE_ALARM, |world: &Self, state: &State| {
                state.database.log.begun == 0 || state.forks < world.limits.forks
            }),
        ];
        if self.limits.recovery {
            properties.push(Property::always(RECOVERY, |world: &Self, state: &State| world.recovers(state)));
        }
        properties
    }
}

impl World {
    fn is(&self, mutations: &[Mutation]) -> bool {
        self.mutation.is_some_and(|mutation| mutations.contains(&mutation))
    }

    fn of_replica(&self, state: &State, replica: usize, actions: &mut Vec<Action>) {
        let it = &state.replicas[replica];
        for look in state.database.looks(it.known(), state.now).filter(|look| it.may_end(*look)) {
            actions.push(Action::Look(replica, look));
            if it.next.is_none() && self.is(&[Mutation::PositionFirst, Mutation::LookedAtFirst]) {
                actions.push(Action::Show(replica, look));
            }
        }
        if it.half.is_some() {
            actions.push(Action::EndShow(replica));
        }
        if state.restarts > 0 && it.history.position().is_some() {
            actions.push(Action::Restart(replica));
        }
    }

    /// Adds the possible events of a guard's stream.
    fn of_stream(&self, state: &State, guard: usize, it: &Guard, actions: &mut Vec<Action>) {
        let loaded = (0..state.replicas.len()).filter(|replica| state.replicas[*replica].history.position().is_some());
        actions.extend(loaded.map(|replica| Action::Open(guard, replica)));
        let Some(stream) = &it.stream else { return };
        if !stream.down.is_empty() {
            actions.push(Action::Hear(guard));
        }
        let is_heard = stream.awaited.is_none() && !self.is(&[Mutation::LossIsNotActedOn]);
        if is_heard && stream.cursor.lost(&state.replicas[stream.replica].history).is_some() {
            actions.push(Action::Report(guard));
        }
        if stream.awaited.is_some() {
            actions.push(Action::GoOn(guard));
        }
        if stream.owes_reset {
            actions.push(Action::ResetLate(guard));
        }
        if stream.read.is_some() {
            actions.push(Action::EndRenewing(guard));
        }
        let renewals = stream.down.iter().filter(|(said, _)| matches!(said, FeedEvent::Renewal(..))).count();
        if renewals < self.limits.renewals && stream.awaited.is_none() && stream.read.is_none() {
            let in_two_steps = self.is(&[Mutation::PositionBeforeLookedAt]);
            actions.push(if in_two_steps { Action::BeginToRenew(guard) } else { Action::Renew(guard) });
        }
    }

    /// Adds the possible events of a guard's calls.
    fn of_calls(&self, state: &State, guard: usize, it: &Guard, actions: &mut Vec<Action>) {
        let flight = it.flight.as_ref();
        match flight.map(|flight| flight.answered) {
            Some(None) => actions.push(Action::EndAnswering(guard)),
            Some(Some(_)) => actions.push(Action::Land(guard)),
            None => {}
        }
        let in_two_steps = self.is(&[Mutation::PositionAfterContents]);
        for token in 0..state.watched {
            for replica in 0..state.replicas.len() {
                actions.push(Action::Answer(guard, token, replica));
                if in_two_steps && flight.is_none() {
                    actions.push(Action::BeginToAnswer(guard, token, replica));
                }
            }
        }
        if self.is(&[Mutation::FieldsOneByOne]) && it.reader.is_none() && it.kept.is_some() {
            actions.push(Action::BeginToRead(guard));
        }
    }
}
