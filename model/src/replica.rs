//! A replica of the auth service: its view of the log, moved by polls.

use std::hash::Hash;
use std::time::Duration;

use auth_service::domain::{Cause, EntryFingerprint, Era, LogId, Logged, Position, Revocation, SessionId, UserId};
use auth_service::view::{Bearer, History, NextEntry, PageOutcome};
use chrono::{DateTime, Utc};

use crate::Mutation;
use crate::database::{LogRow, ModelDatabase, ModelLog, ModelPoll, wall};
use crate::limits::Clocks;
use crate::times::START_TIME;

/// The largest number of tokens.
pub(crate) const MAX_TOKENS: usize = 3;

/// Returns the token of this number, as the auth service reads it. All tokens were issued at the start of the model.
fn bearer(token: usize) -> Bearer<'static> {
    let issued = wall(START_TIME).timestamp();
    Bearer { user: user(token), session: session(token), generation: 1, key: "kid", issued, era: Era::default() }
}

/// Returns a token that is issued after all events of the model.
fn fresh_token() -> Bearer<'static> {
    Bearer { user: UserId::MAX, session: SessionId::MAX, issued: i64::MAX, ..bearer(0) }
}

/// Returns `true` if a horizon of this date kills the model's tokens.
pub(crate) fn kills(horizon: DateTime<Utc>) -> bool {
    horizon.timestamp() >= bearer(0).issued
}

pub(crate) fn user(token: usize) -> UserId {
    UserId::from_u128(token as u128 + 1)
}

pub(crate) fn session(token: usize) -> SessionId {
    SessionId::from_u128(token as u128 + 101)
}

/// Returns the revocation of this token: the end of the session for some, a new generation for others.
pub(crate) fn revocation(token: usize) -> Revocation {
    if token.is_multiple_of(2) {
        Revocation::Session(session(token))
    } else {
        Revocation::User { id: user(token), generation: 2, cause: Cause::Ended }
    }
}

/// One replica.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ModelReplica {
    pub(crate) history: History,
    /// The history of the restarted log, which replaces the present one once it is complete.
    pub(crate) next: Option<History>,
    /// The history after a poll under way, for mutations that show a part of it early.
    pub(crate) half: Option<History>,
    /// Set if all later polls begin after the log lost rows. A poll that began after the loss has ended, or the replica
    /// has restarted since.
    pub(crate) is_past: bool,
}

/// The effect of a poll on the rest of the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PollResult {
    Nothing,
    /// The log has restarted, and refuses all tokens issued until now.
    Fork,
    /// The replica now knows the restarted log.
    NewHistory,
}

impl ModelReplica {
    /// Returns the history that the next poll moves.
    fn moved(&self) -> &History {
        self.next.as_ref().unwrap_or(&self.history)
    }

    /// Returns the number of known rows of the log.
    pub(crate) fn known(&self) -> usize {
        let last = self.moved().position().map(|position| position.last.revision);
        last.and_then(|last| usize::try_from(last).ok()).map_or(0, |last| last + 1)
    }

    /// Returns `true` if a poll with this result may end now: the result is new, and not older than the last result.
    pub(crate) fn may_end(&self, poll: ModelPoll) -> bool {
        let polled_at = self.moved().polled_at();
        let is_new =
            poll.rows != self.known() || poll.before || polled_at.is_none_or(|polled_at| poll.asked > polled_at);
        self.half.is_none()
            && !(poll.before && self.is_past)
            && is_new
            && polled_at.is_none_or(|polled_at| poll.asked >= polled_at)
    }

    /// Makes a part of the poll's result visible to readers, for mutations.
    pub(crate) fn show_half(&mut self, database: &ModelDatabase, poll: ModelPoll) {
        let mut half = self.history.clone();
        if half.take(&database.page(poll, half.next()), poll.asked) == PageOutcome::Complete {
            self.half = Some(half);
        }
    }

    /// Applies the poll's result.
    pub(crate) fn take(
        &mut self,
        database: &mut ModelDatabase,
        poll: ModelPoll,
        now: Duration,
        mutation: Option<Mutation>,
    ) -> PollResult {
        self.is_past = database.before.is_some() && !poll.before;
        let page = database.page(poll, self.moved().next());
        let is_gone =
            |last: Position| page.entries.first().is_some_and(|first| first.logged.revision > last.last.revision);
        let is_pruned = self.history.position().is_some_and(is_gone) && self.next.is_none();
        let asked = if mutation == Some(Mutation::PollTimeAtEnd) { now } else { poll.asked };
        if let Some(mut next) = self.next.take() {
            if next.take(&page, asked) == PageOutcome::Complete {
                self.history = next;
                return PollResult::NewHistory;
            }
            // The replica is building the next history now.
            self.next = Some(self.history.successor());
        } else if (is_pruned && mutation == Some(Mutation::PruningIsALoss))
            || self.history.take(&page, asked) == PageOutcome::Forked
        {
            return self.restart_log(page.log, database, now, mutation);
        }
        PollResult::Nothing
    }

    /// Acts on a guard's position that the log has lost.
    pub(crate) fn report_lost(&mut self, lost: Position, database: &mut ModelDatabase, now: Duration) -> PollResult {
        let own = self.history.position().filter(|own| own.log == lost.log && self.next.is_none());
        own.map_or(PollResult::Nothing, |own| self.restart_log(own.log, database, now, None))
    }

    fn restart_log(
        &mut self,
        seen: LogId,
        database: &mut ModelDatabase,
        now: Duration,
        mutation: Option<Mutation>,
    ) -> PollResult {
        self.next = Some(self.history.successor());
        database.restart_log(seen, now, mutation);
        PollResult::Fork
    }

    /// Returns the part of a history's state that its position does not determine once rows have been pruned.
    pub(crate) fn pruned_state(history: &History, log: &ModelLog) -> impl Hash + use<> {
        let dead = [0, 1, 2].map(|token| history.contents().check_revocation(bearer(token)).is_some());
        let follows = |row: &LogRow| matches!(history.after(row.entry.logged), NextEntry::Entry(_) | NextEntry::End);
        let after: Vec<bool> = log.rows.iter().map(follows).collect();
        (dead, after)
    }

    /// Returns `true` if a token that has just been issued is good here.
    pub(crate) fn is_good(&self, now: Duration) -> bool {
        self.history.check_revocation(fresh_token(), now).is_ok_and(|check| check.dead.is_none())
    }

    /// Returns the view's position; `Err` if the token is dead, `None` if the replica has no answer.
    pub(crate) fn check_revocation(
        &self,
        token: usize,
        clocks: Clocks,
        now: Duration,
        mutation: Option<Mutation>,
    ) -> Option<Result<Position, ()>> {
        let Self { history, half, .. } = self;
        if clocks.expire_time().is_some_and(|time| now >= time) {
            return Some(Err(()));
        }
        let Some(own) = history.position() else {
            // The log has not been read, so no revocation is known.
            let nowhere =
                Position { log: LogId([0; 16]), last: Logged { revision: 0, fingerprint: EntryFingerprint([0; 16]) } };
            return (mutation == Some(Mutation::ServesBeforeLoaded)).then_some(Ok(nowhere));
        };
        let label = half.as_ref().filter(|_| mutation == Some(Mutation::PositionFirst)).and_then(History::position);
        let now = if mutation == Some(Mutation::StaleIntrospection) {
            history.polled_at()?
        } else {
            self.seen_at(now, mutation)
        };
        let check = history.check_revocation(bearer(token), now).ok()?;
        Some(if check.dead.is_some() { Err(()) } else { Ok(label.unwrap_or(own)) })
    }

    /// Returns the time at which a renewal checks the age of the view. One mutation uses the time of the view's poll,
    /// so that a stale view counts as fresh.
    pub(crate) fn time_of_renewals(&self, now: Duration, mutation: Option<Mutation>) -> Duration {
        let polled_at = self.history.polled_at().filter(|_| mutation == Some(Mutation::StaleRenewal));
        polled_at.unwrap_or_else(|| self.seen_at(now, mutation))
    }

    /// Returns the time at which the age of the view is checked. In one mutation, a poll under way makes the view count
    /// as fresh before its entries are visible.
    fn seen_at(&self, now: Duration, mutation: Option<Mutation>) -> Duration {
        let half = self.half.as_ref().filter(|_| mutation == Some(Mutation::PollTimeFirst));
        let is_fresh = half.is_some_and(|half| half.position_at(now).is_ok());
        self.history.polled_at().filter(|_| is_fresh).unwrap_or(now)
    }
}
