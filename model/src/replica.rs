//! The database, and a replica of the auth service: its view of the log, moved by looks.

use std::time::Duration;

use auth_service::domain::{Cause, Entry, Era, LogId, Logged, Mark, Position, Revocation};
use auth_service::store::Page;
use auth_service::view::{Bearer, History, Taken};
use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use crate::Mutation;
use crate::world::{LATE, TICK};

/// The one log.
const LOG: LogId = LogId([1; 16]);

/// How many tokens there are at the most.
pub(crate) const TOKENS: usize = 3;

/// The token of this number, as the auth service reads it. All were issued at the beginning of time.
fn bearer(token: usize) -> Bearer<'static> {
    Bearer { user: user(token), session: session(token), generation: 1, key: "kid", issued: 1, era: Era::default() }
}

pub(crate) fn user(token: usize) -> Uuid {
    Uuid::from_u128(token as u128 + 1)
}

pub(crate) fn session(token: usize) -> Uuid {
    Uuid::from_u128(token as u128 + 101)
}

/// What kills this token: the session's end for some, an older generation for others.
pub(crate) fn revocation(token: usize) -> Revocation {
    if token.is_multiple_of(2) {
        Revocation::Session(session(token))
    } else {
        Revocation::User { id: user(token), generation: 2, cause: Cause::Ended }
    }
}

/// The database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Database {
    pub(crate) log: Log,
    /// The log as it was until this time, and has lost rows since.
    pub(crate) before: Option<(Duration, Log)>,
    /// The last mark that was drawn.
    mark: u8,
}

/// The log, as it is committed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Log {
    pub(crate) rows: Vec<Row>,
    pub(crate) horizon: DateTime<Utc>,
}

/// A row, when it was committed, and the horizon from then on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) entry: Entry,
    pub(crate) committed: Duration,
    horizon: DateTime<Utc>,
}

/// What one look reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// When it was begun.
    pub asked: Duration,
    /// How many rows had been committed when it read.
    pub rows: usize,
    /// Whether it read before the log lost rows, and ends after it.
    pub before: bool,
}

impl Database {
    pub(crate) fn new() -> Self {
        let mut new = Self { log: Log::default(), before: None, mark: 0 };
        new.append(Revocation::Start, Duration::ZERO, None);
        new
    }

    pub(crate) fn append(&mut self, revocation: Revocation, now: Duration, mutation: Option<Mutation>) {
        if mutation != Some(Mutation::NoMarks) {
            self.mark += 1;
        }
        let logged = Logged { revision: revision(self.log.rows.len()), mark: Mark([self.mark; 16]) };
        let entry = Entry { logged, revocation, time: DateTime::UNIX_EPOCH };
        self.log.rows.push(Row { entry, committed: now, horizon: self.log.horizon });
    }

    /// Loses all but the first rows: what they said.
    pub(crate) fn lose(&mut self, left: usize, now: Duration) -> Vec<Revocation> {
        self.before = Some((now, self.log.clone()));
        self.log.rows.drain(left..).map(|row| row.entry.revocation).collect()
    }

    /// Refuses all that was issued until now, and says so in the log.
    fn begin_anew(&mut self, now: Duration, mutation: Option<Mutation>) {
        self.log.horizon = DateTime::UNIX_EPOCH + TimeDelta::days(1);
        if mutation != Some(Mutation::SilentFork) {
            self.append(Revocation::Start, now, mutation);
        }
    }

    /// Every look that can end now, of a replica that knows so many rows: for whatever it may have read, the one that was begun
    /// last. A look reads all that had been committed when it was begun, and anything of what was committed later.
    pub(crate) fn looks(&self, known: usize, now: Duration) -> impl Iterator<Item = Look> {
        let before = self.before.as_ref().map(|(until, log)| (log, *until, true));
        [(&self.log, now, false)].into_iter().chain(before).flat_map(move |(log, until, before)| {
            let known = if before { known } else { known.min(log.rows.len()) };
            let look = move |rows: usize| {
                let asked = log.rows.get(rows).map_or(until, |next| next.committed.min(until));
                Look { asked, rows, before }
            };
            (known..=log.rows.len()).map(look).filter(move |look| look.rows > 0 && now <= look.asked + TICK * LATE)
        })
    }

    /// What a look has read from this revision on.
    fn page(&self, look: Look, from: i64) -> Page {
        let log = self.before.as_ref().filter(|_| look.before).map_or(&self.log, |(_, log)| log);
        let rows = &log.rows[..look.rows];
        let entries =
            rows.iter().map(|row| &row.entry).filter(|entry| entry.logged.revision >= from).cloned().collect();
        let is_last = rows.len() == log.rows.len();
        let horizon = rows.last().filter(|_| !is_last).map_or(log.horizon, |row| row.horizon);
        Page { log: LOG, head: revision(rows.len()) - 1, horizon: horizon.into(), entries }
    }
}

fn revision(row: usize) -> i64 {
    i64::try_from(row).unwrap_or(i64::MAX)
}

/// One replica.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Replica {
    pub(crate) history: History,
    /// The history that is to take its place, once it is complete: the log is another one.
    pub(crate) next: Option<History>,
    /// What a look is about to make of the history, where a mutation lets others see a part of it before.
    pub(crate) half: Option<History>,
    /// It has begun a look since the log has lost rows: none that ends later has been begun before.
    pub(crate) is_past: bool,
}

/// What a look has come to, for others than the replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Nothing,
    /// The log is another one, in which all that was issued until now is refused.
    Fork,
    /// That other log is what the replica knows now.
    NewHistory,
}

impl Replica {
    /// The history that the next look moves.
    fn moved(&self) -> &History {
        self.next.as_ref().unwrap_or(&self.history)
    }

    /// How many rows of the log it knows.
    pub(crate) fn known(&self) -> usize {
        let last = self.moved().position().map(|position| position.last.revision);
        last.and_then(|last| usize::try_from(last).ok()).map_or(0, |last| last + 1)
    }

    /// Whether the look finds anything that is not known, and was begun after the one before.
    pub(crate) fn may_end(&self, look: Look) -> bool {
        let looked_at = self.moved().looked_at();
        let is_new =
            look.rows != self.known() || look.before || looked_at.is_none_or(|looked_at| look.asked > looked_at);
        self.half.is_none()
            && !(look.before && self.is_past)
            && is_new
            && looked_at.is_none_or(|looked_at| look.asked >= looked_at)
    }

    /// Shows what the look has found to whoever sees a part of it.
    pub(crate) fn show_half(&mut self, database: &Database, look: Look) {
        let mut half = self.history.clone();
        if half.take(&database.page(look, half.next()), look.asked) == Taken::Complete {
            self.half = Some(half);
        }
    }

    /// Takes in what the look has found.
    pub(crate) fn take(
        &mut self,
        database: &mut Database,
        look: Look,
        now: Duration,
        mutation: Option<Mutation>,
    ) -> Found {
        self.is_past = database.before.is_some() && !look.before;
        let page = database.page(look, self.moved().next());
        let asked = if mutation == Some(Mutation::LookedAtAtEnd) { now } else { look.asked };
        if let Some(mut next) = self.next.take() {
            if next.take(&page, asked) == Taken::Complete {
                self.history = next;
                return Found::NewHistory;
            }
            // It is being changed at this moment.
            self.next = Some(self.history.successor());
        } else if self.history.take(&page, asked) == Taken::Forked {
            self.next = Some(self.history.successor());
            database.begin_anew(now, mutation);
            return Found::Fork;
        }
        Found::Nothing
    }

    /// Where the view says it is; `Err` when the token is dead, `None` when nobody can say.
    pub(crate) fn judge(
        &self,
        token: usize,
        now: Duration,
        mutation: Option<Mutation>,
    ) -> Option<Result<Position, ()>> {
        let Self { history, half, .. } = self;
        let Some(own) = history.position() else {
            // Nothing has been read, so that nothing is known to be revoked.
            let nowhere = Position { log: LogId([0; 16]), last: Logged { revision: 0, mark: Mark([0; 16]) } };
            return (mutation == Some(Mutation::ServesBeforeLoaded)).then_some(Ok(nowhere));
        };
        let label = half.as_ref().filter(|_| mutation == Some(Mutation::PositionFirst)).and_then(History::position);
        let now =
            if mutation == Some(Mutation::StaleVerdict) { history.looked_at()? } else { self.seen_at(now, mutation) };
        let judgement = history.judge(bearer(token), now).ok()?;
        Some(if judgement.dead.is_some() { Err(()) } else { Ok(label.unwrap_or(own)) })
    }

    /// The time by which a renewal's view is fresh, or is taken for it.
    pub(crate) fn time_of_renewals(&self, now: Duration, mutation: Option<Mutation>) -> Duration {
        let looked_at = self.history.looked_at().filter(|_| mutation == Some(Mutation::StaleRenewal));
        looked_at.unwrap_or_else(|| self.seen_at(now, mutation))
    }

    /// The time of the look moves first by one of the mutations: then the view is taken for fresh.
    fn seen_at(&self, now: Duration, mutation: Option<Mutation>) -> Duration {
        let half = self.half.as_ref().filter(|_| mutation == Some(Mutation::LookedAtFirst));
        let is_fresh = half.is_some_and(|half| half.position_at(now).is_ok());
        self.history.looked_at().filter(|_| is_fresh).unwrap_or(now)
    }
}
