//! What a history of calls and revocations says of the promise: no clock, no socket, no task.
//!
//! A call is judged by its beginning at the client, the earliest moment that it can be said to be of: an answer may be
//! late for many reasons, and a call that was let in before its token was revoked may end whenever it likes.

use std::collections::HashMap;
use std::time::Duration;

use tonic::Code;

/// What is promised: no call that begins later than this after an acknowledged revocation is let in.
pub const PROMISED: Duration = Duration::from_secs(2);

/// What is proved where clocks run alike: half a second of the auth service's view, and a second of the guard's lease.
pub const PROVEN: Duration = Duration::from_millis(1500);

/// What became of a guarded call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The guard let it in.
    LetIn,
    /// The guard said that the token is dead.
    Refused,
    /// Nobody could say what the token is worth, or nobody answered.
    Unavailable,
    /// None of these, which a guarded call should never see.
    Odd(Code),
}

/// A call, in times since the drill's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Whose token.
    pub session: usize,
    /// Which guard.
    pub guard: usize,
    /// When the client began it.
    pub begun: Duration,
    /// When the client had the answer.
    pub ended: Duration,
    /// The answer.
    pub outcome: Outcome,
}

/// A revocation that has been acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Revoked {
    /// Whose token.
    pub session: usize,
    /// When the client had the answer.
    pub acknowledged: Duration,
}

/// A call that was let in too late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The call.
    pub call: Seen,
    /// How long after the acknowledgement it began.
    pub late: Duration,
}

/// What came of a history, or of several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judgement {
    /// Revocations that were acknowledged.
    pub revocations: usize,
    /// Those whose token each guard had let in before, and was shown again later than the bound after.
    pub trials: usize,
    /// All calls.
    pub calls: usize,
    /// Calls with a token that had been revoked for longer than the promise.
    pub late_calls: usize,
    /// Calls that began after the acknowledgement and were let in.
    pub let_in: usize,
    /// How long after it the last of them began.
    pub latest: Duration,
    /// Those that began later than what is proved.
    pub beyond_proven: usize,
    /// Those that began later than what is promised.
    pub violations: Vec<Violation>,
    /// For each trial, the time from the acknowledgement until the last guard had closed its door for good.
    pub closed: Vec<Duration>,
    /// Calls that nobody could judge.
    pub unavailable: usize,
    /// Calls with an answer that no guarded call should get.
    pub odd: Vec<Seen>,
}

/// What one guard did with one token.
#[derive(Clone, Copy, Default)]
struct Door {
    /// It has let the token in before the acknowledgement.
    was_open: bool,
    /// It was shown the token later than the bound after it.
    was_watched: bool,
    /// When the last call began that it let in after it.
    last: Option<Duration>,
    /// The first answer, to a call after that, that did not let in.
    closed: Option<Duration>,
}

/// Judges a history of calls to so many guards.
pub fn judge(revoked: &[Revoked], calls: &[Seen], guards: usize) -> Judgement {
    let acknowledged: HashMap<_, _> = revoked.iter().map(|one| (one.session, one.acknowledged)).collect();
    let mut judgement = Judgement { revocations: acknowledged.len(), calls: calls.len(), ..Judgement::default() };
    let mut doors: HashMap<(usize, usize), Door> = HashMap::new();
    for call in calls {
        match call.outcome {
            Outcome::Unavailable => judgement.unavailable += 1,
            Outcome::Odd(_) => judgement.odd.push(*call),
            Outcome::LetIn | Outcome::Refused => {}
        }
        let Some(acknowledged) = acknowledged.get(&call.session) else { continue };
        let door = doors.entry((call.session, call.guard)).or_default();
        // Equal times are no proof of an order: such a call may have begun before.
        let Some(late) = call.begun.checked_sub(*acknowledged).filter(|late| !late.is_zero()) else {
            door.was_open |= call.outcome == Outcome::LetIn;
            continue;
        };
        door.was_watched |= late > PROMISED;
        judgement.late_calls += usize::from(late > PROMISED);
        if call.outcome == Outcome::LetIn {
            door.last = door.last.max(Some(call.begun));
            judgement.count_let_in(*call, late);
        }
    }
    for call in calls.iter().filter(|call| call.outcome != Outcome::LetIn) {
        let Some(door) = doors.get_mut(&(call.session, call.guard)) else { continue };
        let since = acknowledged[&call.session].max(door.last.unwrap_or_default());
        if call.begun > since && door.closed.is_none_or(|closed| call.ended < closed) {
            door.closed = Some(call.ended);
        }
    }
    for one in revoked {
        let all: Vec<_> = (0..guards).filter_map(|guard| doors.get(&(one.session, guard))).collect();
        if all.len() == guards && all.iter().all(|door| door.was_open && door.was_watched) {
            judgement.trials += 1;
            // A door that never closed is a violation, and has been counted.
            let closed = all.iter().filter_map(|door| door.closed).max();
            judgement.closed.extend(closed.map(|closed| closed.saturating_sub(one.acknowledged)));
        }
    }
    judgement
}

impl Judgement {
    fn count_let_in(&mut self, call: Seen, late: Duration) {
        self.let_in += 1;
        self.latest = self.latest.max(late);
        self.beyond_proven += usize::from(late > PROVEN);
        if late > PROMISED {
            self.violations.push(Violation { call, late });
        }
    }

    /// Adds what came of another history.
    pub fn add(&mut self, other: Self) {
        self.revocations += other.revocations;
        self.trials += other.trials;
        self.calls += other.calls;
        self.late_calls += other.late_calls;
        self.let_in += other.let_in;
        self.latest = self.latest.max(other.latest);
        self.beyond_proven += other.beyond_proven;
        self.violations.extend(other.violations);
        self.closed.extend(other.closed);
        self.unavailable += other.unavailable;
        self.odd.extend(other.odd);
    }
}

#[cfg(test)]
mod tests;
