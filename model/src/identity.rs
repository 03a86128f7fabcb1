//! Identity of a state. The checker uses it to recognize states that it has visited.
//!
//! Absolute times do not matter. Each age has a limit above which it makes no difference. Two states are equal if all
//! ages are equal up to these limits. So time is endless in the model, but the number of states is finite. Times that
//! are compared with each other are represented by the result of the comparison.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use auth_service::feed::FeedEvent;
use auth_service::view::History;
use gatepost::revocation_state::LEASE;

use crate::database::{EarlierLog, ModelLog, wall};
use crate::guard::{self, Flight, KeptEvidence, ModelGuard, ModelStream, SentEvent};
use crate::limits::Clocks;
use crate::replica::{ModelReplica, kills};
use crate::state::ModelState;
use crate::times::{REVOCATION_BOUND, START_TIME, TICK_LENGTH};

impl Hash for ModelState {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self { now, database, replicas, guards, dead_since, watched, revocations, forks, restarts, clocks } = self;
        (revocations, forks, restarts).hash(state);
        // The time of a row's commit does not count once every replica has read the row.
        let known = replicas.iter().map(ModelReplica::known).min().unwrap_or_default();
        hash_log(&database.log, if *restarts == 0 { known } else { 0 }, *now, state);
        database.lost.hash(state);
        // The age of tokens counts until they have expired. The age of a row counts until it can be pruned.
        if let Some(expiry) = clocks.expire_time() {
            age(START_TIME, *now, expiry.saturating_sub(START_TIME) + TICK_LENGTH).hash(state);
            for row in database.log.rows.iter().skip(database.log.pruned) {
                let most = (wall(expiry) - wall(START_TIME)).num_hours() + 1;
                (wall(*now) - row.entry.time).num_hours().min(most).hash(state);
            }
        }
        if let Some(EarlierLog { until, log }) = &database.before {
            age(*until, *now, TICK_LENGTH * 3).hash(state);
            hash_log(log, 0, *now, state);
        }
        let (asked_about, others) = dead_since.split_at(*watched);
        for since in asked_about {
            since.map(|since| age(since, *now, REVOCATION_BOUND + TICK_LENGTH)).hash(state);
        }
        for since in others {
            since.is_some().hash(state);
        }
        for ModelReplica { history, next, half, is_past } in replicas {
            let identity = |history: &Option<History>| history.as_ref().map(|history| history_identity(history, *now));
            if *clocks != Clocks::Unused {
                ModelReplica::pruned_state(history, &database.log).hash(state);
                next.as_ref().map(|next| ModelReplica::pruned_state(next, &database.log)).hash(state);
            }
            (history_identity(history, *now), identity(next), identity(half), database.before.is_some() && *is_past)
                .hash(state);
        }
        // The order of guards does not matter.
        let mut guards: Vec<u64> =
            guards.iter().map(|guard| hash_of(|hasher| self.hash_guard(guard, hasher))).collect();
        guards.sort_unstable();
        guards.hash(state);
    }
}

/// Returns an age, limited to `most`: older ages make no difference.
fn age(time: Duration, now: Duration, most: Duration) -> Duration {
    now.saturating_sub(time).min(most)
}

fn hash_of(write: impl FnOnce(&mut DefaultHasher)) -> u64 {
    let mut hasher = DefaultHasher::new();
    write(&mut hasher);
    hasher.finish()
}

/// Hashes a log, with the ages of its rows starting at this row.
fn hash_log(log: &ModelLog, from: usize, now: Duration, state: &mut impl Hasher) {
    (kills(log.horizon), log.restarts, log.pruned).hash(state);
    for row in &log.rows {
        (row.entry.logged, &row.entry.revocation).hash(state);
    }
    for row in log.rows.iter().skip(from) {
        age(row.committed, now, TICK_LENGTH * 3).hash(state);
    }
}

/// Returns the last entry and the ages. The last entry determines the earlier entries, and so the revocations.
fn history_identity(history: &History, now: Duration) -> impl Hash + use<> {
    let polled_at = history.polled_at().map(|time| age(time, now, TICK_LENGTH * 3));
    (history.position(), polled_at, kills(history.contents().horizon().until))
}

impl ModelState {
    fn hash_guard(&self, guard: &ModelGuard, state: &mut DefaultHasher) {
        let ModelGuard { revocation_state, received, began, stream, kept, flight, reader } = guard;
        let now = self.now;
        let old = LEASE + TICK_LENGTH;
        // An answer to a request from this moment does not count if the feed began at the same moment.
        (received, *began == Some(now)).hash(state);
        if let Some(KeptEvidence { token, evidence }) = kept {
            // A renewal matters only for the introspection. If the feed has sent the position of the evidence, a
            // renewal has the same effect as a request at its time. An older time makes no difference.
            let outlasts = now > evidence.asked + LEASE;
            let lease = revocation_state.lease();
            let is_received = received.iter().any(|received| guard::position(*received) == evidence.position);
            let (lease, asked) =
                if is_received { (None, lease.max(Some(evidence.asked))) } else { (lease, Some(evidence.asked)) };
            let [lease, asked] = [lease, asked].map(|time| time.map(|time| age(time, now, old)));
            let counts = began.is_none_or(|began| evidence.asked > began);
            (token, evidence.position, counts, outlasts, lease, asked).hash(state);
        }
        let identity = |flight: &Flight| (flight.token, flight.replica, age(flight.asked, now, old), flight.answered);
        flight.as_ref().map(identity).hash(state);
        reader.as_ref().map(|reader| (reader.began, &reader.before)).hash(state);
        stream.is_some().hash(state);
        if let Some(stream) = stream {
            self.hash_stream(stream, state);
        }
    }

    fn hash_stream(&self, stream: &ModelStream, state: &mut DefaultHasher) {
        let ModelStream { replica, cursor, opened, history_number, down, renewals: _, read, owes_reset, awaited } =
            stream;
        let now = self.now;
        let ModelReplica { history, .. } = &self.replicas[*replica];
        let old = LEASE + TICK_LENGTH;
        // The time of opening counts until the log is known to have the guard's position, or to have lost it.
        let opened = cursor
            .awaits_poll()
            .then(|| (history.polled_at().is_some_and(|time| time <= *opened), age(*opened, now, old)));
        (replica, *history_number == history.number(), cursor.known(), opened, owes_reset, awaited).hash(state);
        for SentEvent { event, asked } in down.iter().chain(read) {
            match event {
                FeedEvent::Reset(position) => (0, position).hash(state),
                FeedEvent::Revocation(entry) => (1, entry.logged, &entry.revocation).hash(state),
                // Requests are distinguished by their ages.
                FeedEvent::Renewal(_, position) => (2, age(*asked, now, old), position).hash(state),
            }
        }
    }
}
