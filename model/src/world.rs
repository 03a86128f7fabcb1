//! All possible events.

use std::time::Duration;

use auth_service::feed::FeedEvent;
use stateright::{Model, Property};

use crate::Mutation;
use crate::database::{ModelDatabase, ModelPoll};
use crate::guard::{Flight, ModelGuard, SentEvent};
use crate::limits::{Clocks, ModelLimits};
use crate::replica::{MAX_TOKENS, ModelReplica};
use crate::state::ModelState;
use crate::times::{REVOCATION_BOUND, START_TIME, TICK_LENGTH};

/// The property of every state.
pub const PROMISE: &str = "no call is admitted that begins later than the bound after the revocation";

/// A property of every state, for a log that keeps its rows.
pub const NO_FALSE_ALARM: &str = "the log restarts only after rows were lost";

/// A property of every state, about outages.
pub const RECOVERY: &str = "after the last failure, feeds are renewed and new tokens are good within 1.5 s";

/// A state that must exist, because a smaller bound would be wrong.
pub const LAST_MOMENT: &str = "a call is admitted at the last moment of the bound";

/// A state that must exist, because renewals extend the validity of introspections.
pub const RENEWED: &str = "an introspection is valid that is more than a second old";

/// The system within these limits, with or without a fault.
#[derive(Clone, Copy, Debug)]
pub struct ModelWorld {
    /// The limits.
    pub limits: ModelLimits,
    /// The fault, if any.
    pub mutation: Option<Mutation>,
}

/// An event. Numbers identify guards, replicas and tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelAction {
    /// Time advances.
    Tick,
    /// A token is revoked. A correct clock stamps the row.
    Revoke(usize),
    /// A token is revoked. A clock that is an hour behind stamps the row.
    RevokeBehind(usize),
    /// This many of the oldest rows are pruned.
    Prune(usize),
    /// A guard's stream reports to a replica that the log has lost the guard's position.
    Report(usize),
    /// The database keeps only this many rows, as after a failover to a copy that was behind.
    Lose(usize),
    /// A replica's poll ends.
    Poll(usize, ModelPoll),
    /// A replica's poll is about to end, and a part of its result is visible.
    Show(usize, ModelPoll),
    /// The visible poll ends.
    EndShow(usize),
    /// A replica restarts.
    Restart(usize),
    /// A guard opens a stream to a replica, and loses its earlier one with all messages on it.
    Open(usize, usize),
    /// A guard requests a renewal, and the replica gives it.
    Renew(usize),
    /// The replica starts a renewal in two steps.
    BeginToRenew(usize),
    /// The replica ends that renewal.
    EndRenewing(usize),
    /// A guard's stream continues at its claimed position.
    ContinueStream(usize),
    /// A guard learns late that its feed starts over.
    ResetLate(usize),
    /// A guard receives its next message.
    Receive(usize),
    /// A guard requests an introspection of a token, and a replica gives it.
    Answer(usize, usize, usize),
    /// A replica starts an answer in two steps.
    BeginToAnswer(usize, usize, usize),
    /// The replica ends that answer.
    EndAnswering(usize),
    /// An answer arrives.
    ReceiveAnswer(usize),
    /// A call starts to read the guard's fields.
    BeginToRead(usize),
}

impl Model for ModelWorld {
    type State = ModelState;
    type Action = ModelAction;

    fn init_states(&self) -> Vec<ModelState> {
        let ModelLimits { guards, replicas, tokens, rows, revocations, forks, restarts, clocks, .. } = self.limits;
        let tokens = tokens.min(MAX_TOKENS);
        vec![ModelState {
            now: START_TIME,
            database: ModelDatabase::new(clocks),
            replicas: vec![ModelReplica::default(); replicas],
            guards: vec![ModelGuard::new(rows); guards],
            dead_since: vec![None; tokens],
            watched: self.limits.watched.min(tokens),
            revocations,
            forks,
            restarts,
            clocks,
        }]
    }

    fn actions(&self, state: &ModelState, actions: &mut Vec<ModelAction>) {
        actions.push(ModelAction::Tick);
        let alive = (0..state.dead_since.len()).filter(|token| state.dead_since[*token].is_none());
        let alive: Vec<_> = alive.filter(|_| state.revocations > 0).collect();
        actions.extend(alive.iter().copied().map(ModelAction::Revoke));
        if matches!(state.clocks, Clocks::Near { .. }) {
            actions.extend(alive.into_iter().map(ModelAction::RevokeBehind));
        }
        let pruned = state.database.log.pruned;
        if state.forks > 0 {
            actions.extend((pruned + 1..state.database.log.rows.len()).map(ModelAction::Lose));
        }
        actions.extend((pruned + 1..=state.database.prunable(state.now, self.mutation)).map(ModelAction::Prune));
        for replica in 0..state.replicas.len() {
            self.add_replica_actions(state, replica, actions);
        }
        for (guard, model_guard) in state.guards.iter().enumerate() {
            self.add_stream_actions(state, guard, model_guard, actions);
            self.add_call_actions(state, guard, model_guard, actions);
        }
    }

    fn next_state(&self, last: &ModelState, action: ModelAction) -> Option<ModelState> {
        let mut state = last.clone();
        let (now, mutation) = (state.now, self.mutation);
        match action {
            ModelAction::Tick => state.now += TICK_LENGTH,
            ModelAction::Revoke(token) => state.revoke(token, Duration::ZERO, mutation),
            ModelAction::RevokeBehind(token) => state.revoke(token, TICK_LENGTH, mutation),
            ModelAction::Prune(rows) => state.database.prune(rows, mutation),
            ModelAction::Report(guard) => state.report(guard)?,
            ModelAction::Lose(left) => state.lose(left),
            ModelAction::Poll(replica, poll) => state.poll(replica, poll, mutation),
            ModelAction::Show(replica, poll) => state.replicas[replica].show_half(&state.database, poll),
            ModelAction::EndShow(replica) => state.replicas[replica].history = state.replicas[replica].half.take()?,
            ModelAction::Restart(replica) => state.restart(replica),
            ModelAction::Open(guard, replica) => state.open(guard, replica, mutation),
            ModelAction::Renew(guard) => {
                let renewal = state.renewal(guard, mutation)?;
                state.guards[guard].stream.as_mut()?.down.push_back(renewal);
            }
            // The view may have any age here, because the time of the poll is read later.
            ModelAction::BeginToRenew(guard) => {
                let renewal = state.renewal(guard, Some(Mutation::StaleRenewal))?;
                state.guards[guard].stream.as_mut()?.read = Some(renewal);
            }
            ModelAction::EndRenewing(guard) => {
                let stream = state.guards[guard].stream.as_mut()?;
                state.replicas[stream.replica].history.position_at(now).ok()?;
                stream.down.push_back(stream.read.take()?);
            }
            ModelAction::ContinueStream(guard) => state.continue_stream(guard)?,
            ModelAction::ResetLate(guard) => {
                let stream = state.guards[guard].stream.as_mut()?;
                stream.owes_reset = false;
                let event = FeedEvent::Reset(state.replicas[stream.replica].history.position()?);
                stream.down.push_back(SentEvent { event, asked: now });
            }
            ModelAction::Receive(guard) => state.receive(guard, mutation),
            ModelAction::Answer(guard, token, replica) => {
                let at = state.replicas[replica].check_revocation(token, state.clocks, now, mutation)?.ok()?;
                if mutation == Some(Mutation::JoinersOwnTime) {
                    state.guards[guard].flight = Some(Flight { token, replica, asked: now, answered: Some(at) });
                } else {
                    state.keep(guard, token, at, now);
                }
            }
            ModelAction::BeginToAnswer(guard, token, replica) => {
                state.replicas[replica].check_revocation(token, state.clocks, now, mutation)?.ok()?;
                state.guards[guard].flight = Some(Flight { token, replica, asked: now, answered: None });
            }
            ModelAction::EndAnswering(guard) => {
                let Flight { token, replica, asked, .. } = state.guards[guard].flight.take()?;
                let at = state.replicas[replica].history.position_at(now).ok()?;
                state.keep(guard, token, at, asked);
            }
            // In this mutation, a caller that has just joined counts the age of the answer from its own arrival.
            ModelAction::ReceiveAnswer(guard) => {
                let Flight { token, answered, .. } = state.guards[guard].flight.take()?;
                state.keep(guard, token, answered?, now);
            }
            ModelAction::BeginToRead(guard) => state.guards[guard].begin_to_read(now),
        }
        state.settle(mutation);
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always(PROMISE, |world: &Self, state: &ModelState| {
                state.late(world.mutation).all(|late| late <= REVOCATION_BOUND)
            }),
            Property::sometimes(LAST_MOMENT, |world: &Self, state: &ModelState| {
                state.late(world.mutation).any(|late| late == REVOCATION_BOUND)
            }),
            Property::sometimes(RENEWED, |world: &Self, state: &ModelState| state.is_renewed(world.mutation)),
            Property::always(NO_FALSE_ALARM, |world: &Self, state: &ModelState| {
                state.database.log.restarts == 0 || state.forks < world.limits.forks
            }),
        ];
        if self.limits.recovery {
            properties.push(Property::always(RECOVERY, |world: &Self, state: &ModelState| world.recovers(state)));
        }
        properties
    }
}

impl ModelWorld {
    fn has_mutation(&self, mutations: &[Mutation]) -> bool {
        self.mutation.is_some_and(|mutation| mutations.contains(&mutation))
    }

    fn add_replica_actions(&self, state: &ModelState, replica: usize, actions: &mut Vec<ModelAction>) {
        let model_replica = &state.replicas[replica];
        for poll in state.database.polls(model_replica.known(), state.now).filter(|poll| model_replica.may_end(*poll)) {
            actions.push(ModelAction::Poll(replica, poll));
            if model_replica.next.is_none() && self.has_mutation(&[Mutation::PositionFirst, Mutation::PollTimeFirst]) {
                actions.push(ModelAction::Show(replica, poll));
            }
        }
        if model_replica.half.is_some() {
            actions.push(ModelAction::EndShow(replica));
        }
        if state.restarts > 0 && model_replica.history.position().is_some() {
            actions.push(ModelAction::Restart(replica));
        }
    }

    /// Adds the possible events of a guard's stream.
    fn add_stream_actions(
        &self,
        state: &ModelState,
        guard: usize,
        model_guard: &ModelGuard,
        actions: &mut Vec<ModelAction>,
    ) {
        let loaded = (0..state.replicas.len()).filter(|replica| state.replicas[*replica].history.position().is_some());
        actions.extend(loaded.map(|replica| ModelAction::Open(guard, replica)));
        let Some(stream) = &model_guard.stream else { return };
        if !stream.down.is_empty() {
            actions.push(ModelAction::Receive(guard));
        }
        let can_report = stream.awaited.is_none() && !self.has_mutation(&[Mutation::LossIsNotActedOn]);
        if can_report && stream.cursor.lost(&state.replicas[stream.replica].history).is_some() {
            actions.push(ModelAction::Report(guard));
        }
        if stream.awaited.is_some() {
            actions.push(ModelAction::ContinueStream(guard));
        }
        if stream.owes_reset {
            actions.push(ModelAction::ResetLate(guard));
        }
        if stream.read.is_some() {
            actions.push(ModelAction::EndRenewing(guard));
        }
        let renewals = stream.down.iter().filter(|sent| matches!(sent.event, FeedEvent::Renewal(..))).count();
        if renewals < self.limits.renewals && stream.awaited.is_none() && stream.read.is_none() {
            let in_two_steps = self.has_mutation(&[Mutation::PositionBeforePollTime]);
            actions.push(if in_two_steps { ModelAction::BeginToRenew(guard) } else { ModelAction::Renew(guard) });
        }
    }

    /// Adds the possible events of a guard's calls.
    fn add_call_actions(
        &self,
        state: &ModelState,
        guard: usize,
        model_guard: &ModelGuard,
        actions: &mut Vec<ModelAction>,
    ) {
        let flight = model_guard.flight.as_ref();
        match flight.map(|flight| flight.answered) {
            Some(None) => actions.push(ModelAction::EndAnswering(guard)),
            Some(Some(_)) => actions.push(ModelAction::ReceiveAnswer(guard)),
            None => {}
        }
        let in_two_steps = self.has_mutation(&[Mutation::PositionAfterContents]);
        for token in 0..state.watched {
            for replica in 0..state.replicas.len() {
                actions.push(ModelAction::Answer(guard, token, replica));
                if in_two_steps && flight.is_none() {
                    actions.push(ModelAction::BeginToAnswer(guard, token, replica));
                }
            }
        }
        if self.has_mutation(&[Mutation::FieldsOneByOne]) && model_guard.reader.is_none() && model_guard.kept.is_some()
        {
            actions.push(ModelAction::BeginToRead(guard));
        }
    }
}
