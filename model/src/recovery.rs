//! The end of an outage: a check that the system recovers from every state once there are no further failures.

use std::time::Duration;

use gatepost::revocation_state::{Evidence, RevocableClaims, Validity};
use stateright::Model as _;

use crate::database::ModelPoll;
use crate::guard::position;
use crate::state::ModelState;
use crate::world::{ModelAction, ModelWorld};

/// The maximum number of ticks of an outage after the last failure.
const RECOVERY_TICKS: u32 = 3;

/// Number of a replica's polls within a tick.
const POLLS_PER_TICK: usize = 3;

impl ModelWorld {
    /// Returns `true` if each feed is renewed, and a new token is good everywhere, within a few ticks. In these ticks
    /// every replica polls, every guard has a stream, and every message arrives.
    pub(crate) fn recovers(&self, state: &ModelState) -> bool {
        let mut state = state.clone();
        for _ in 0..RECOVERY_TICKS {
            state = self.serve(state);
            state = self.next_state(&state, ModelAction::Tick).unwrap_or(state);
        }
        let state = self.serve(state);
        let now = state.now;
        state.replicas.iter().all(|replica| replica.is_good(now))
            && state.guards.iter().all(|guard| {
                let Some(stream) = &guard.stream else { return false };
                let Some(at) = state.replicas[stream.replica].history.position() else { return false };
                let evidence = Evidence { position: position(at), asked: now, ttl: Duration::from_hours(1) };
                let is_good =
                    guard.revocation_state.validity(&evidence, RevocableClaims::default(), now) == Validity::Valid;
                is_good
                    && guard.revocation_state.position() == Some(position(at))
                    && guard.revocation_state.lease() == Some(now)
            })
    }

    /// Runs everything that a system without failures does within one tick.
    fn serve(&self, state: ModelState) -> ModelState {
        let mut state = self.poll(state);
        for guard in 0..state.guards.len() {
            if state.guards[guard].stream.is_none() {
                state = self.step(state, ModelAction::Open(guard, 0));
            }
            state = self.receive(state, guard);
            if self.can_report(&state, guard) {
                state = self.step(state, ModelAction::Report(guard));
                state = self.poll(state);
                state = self.receive(state, guard);
            }
            state = self.step(state, ModelAction::Renew(guard));
            state = self.receive(state, guard);
        }
        state
    }

    /// Lets every replica read the whole log.
    fn poll(&self, mut state: ModelState) -> ModelState {
        for _ in 0..POLLS_PER_TICK {
            for replica in 0..state.replicas.len() {
                let poll = ModelPoll { asked: state.now, rows: state.database.log.rows.len(), before: false };
                if state.replicas[replica].may_end(poll) {
                    state = self.step(state, ModelAction::Poll(replica, poll));
                }
            }
        }
        state
    }

    /// Delivers all messages to a guard.
    fn receive(&self, mut state: ModelState, guard: usize) -> ModelState {
        while state.guards[guard].stream.as_ref().is_some_and(|stream| !stream.down.is_empty()) {
            state = self.step(state, ModelAction::Receive(guard));
        }
        state
    }

    fn can_report(&self, state: &ModelState, guard: usize) -> bool {
        let mut actions = Vec::new();
        self.actions(state, &mut actions);
        actions.contains(&ModelAction::Report(guard))
    }

    fn step(&self, state: ModelState, action: ModelAction) -> ModelState {
        self.next_state(&state, action).unwrap_or(state)
    }
}
