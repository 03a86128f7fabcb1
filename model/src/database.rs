//! The database: a log that is appended to, pruned, and loses rows.

use std::time::Duration;

use auth_service::domain::{Entry, EntryFingerprint, LogId, Logged, Revocation};
use auth_service::store::LogPage;
use chrono::{DateTime, TimeDelta, Utc};

use crate::Mutation;
use crate::limits::Clocks;
use crate::times::{LATE_POLL_TICKS, START_TIME, TICK_LENGTH};

/// Wall-clock time of a tick. Only comparisons with other times of the same clock matter.
const HOUR: TimeDelta = TimeDelta::hours(1);

/// Returns the time of a correct wall clock.
pub(crate) fn wall(now: Duration) -> DateTime<Utc> {
    let ticks = now.as_nanos() / TICK_LENGTH.as_nanos();
    DateTime::UNIX_EPOCH + HOUR * i32::try_from(ticks).unwrap_or(i32::MAX)
}

/// The database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ModelDatabase {
    pub(crate) log: ModelLog,
    /// The log before its last loss of rows.
    pub(crate) before: Option<EarlierLog>,
    /// Lost rows that guards may still know; empty after a restart of the log.
    pub(crate) lost: Vec<Logged>,
    /// The last fingerprint that was drawn.
    fingerprint: u8,
    clocks: Clocks,
}

/// The committed log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ModelLog {
    /// Number of restarts of the log. Each restart gives the log another identity.
    pub(crate) restarts: u8,
    pub(crate) rows: Vec<LogRow>,
    /// Number of pruned rows.
    pub(crate) pruned: usize,
    pub(crate) horizon: DateTime<Utc>,
}

/// A log that has lost rows since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EarlierLog {
    /// Time of the loss.
    pub(crate) until: Duration,
    pub(crate) log: ModelLog,
}

/// A row, the time of its commit, and the horizon from then on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogRow {
    pub(crate) entry: Entry,
    pub(crate) committed: Duration,
    horizon: DateTime<Utc>,
}

impl ModelLog {
    fn id(&self) -> LogId {
        LogId([self.restarts; 16])
    }
}

/// The rows of one poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelPoll {
    /// Start of the poll.
    pub asked: Duration,
    /// Number of rows that were committed when the poll read.
    pub rows: usize,
    /// Set if the poll read before the log lost rows, and ends afterwards.
    pub before: bool,
}

impl ModelDatabase {
    pub(crate) fn new(clocks: Clocks) -> Self {
        let mut new = Self { log: ModelLog::default(), before: None, lost: Vec::new(), fingerprint: 0, clocks };
        // The log begins before the tokens are issued. Otherwise its first row would prevent pruning as long as the
        // tokens live.
        new.append(Revocation::Start, START_TIME, TICK_LENGTH, None);
        new
    }

    /// Appends a row, stamped by a clock that is this much behind.
    pub(crate) fn append(
        &mut self,
        revocation: Revocation,
        now: Duration,
        behind: Duration,
        mutation: Option<Mutation>,
    ) {
        if mutation != Some(Mutation::NoFingerprints) {
            self.fingerprint += 1;
        }
        let logged =
            Logged { revision: revision(self.log.rows.len()), fingerprint: EntryFingerprint([self.fingerprint; 16]) };
        let time = match self.clocks {
            // The exact time does not matter, as long as it is not before the issue time of the tokens.
            Clocks::Unused | Clocks::FarAhead => wall(START_TIME),
            Clocks::Near { .. } => wall(now.saturating_sub(behind)),
        };
        let entry = Entry { logged, revocation, time };
        self.log.rows.push(LogRow { entry, committed: now, horizon: self.log.horizon });
    }

    /// Loses all but the first rows, and returns the lost revocations.
    pub(crate) fn lose(&mut self, left: usize, now: Duration) -> Vec<Revocation> {
        self.before = Some(EarlierLog { until: now, log: self.log.clone() });
        let lost: Vec<_> = self.log.rows.drain(left..).map(|row| row.entry).collect();
        self.log.restarts -= count_restarts(lost.iter());
        self.lost.extend(lost.iter().map(|entry| entry.logged));
        lost.into_iter().map(|entry| entry.revocation).collect()
    }

    /// Returns the number of the oldest rows that can be pruned now. With correct clocks, the tokens of these rows have
    /// all expired. With a clock far ahead, any row can be pruned. The last row stays.
    pub(crate) fn prunable(&self, now: Duration, mutation: Option<Mutation>) -> usize {
        let most = self.log.rows.len() - 1;
        let Clocks::Near { life } = self.clocks else {
            return if self.clocks == Clocks::FarAhead { most } else { self.log.pruned };
        };
        let margin = u32::from(mutation != Some(Mutation::NoMarginForClocks));
        let keep = HOUR * i32::try_from(life + margin).unwrap_or_default();
        let is_over = |row: &&LogRow| row.entry.time + keep <= wall(now);
        self.log.rows[..most].iter().take_while(is_over).count().max(self.log.pruned)
    }

    /// Prunes this many of the oldest rows. The horizon refuses the tokens that these rows revoked.
    pub(crate) fn prune(&mut self, rows: usize, mutation: Option<Mutation>) {
        let newest = self.log.rows[self.log.pruned..rows].iter().map(|row| row.entry.time).max();
        self.log.pruned = rows;
        if mutation != Some(Mutation::PruningLeavesHorizon) {
            self.log.horizon = self.log.horizon.max(newest.unwrap_or_default());
        }
    }

    /// Restarts the log: refuses all tokens issued until now, records that in the log, and gives it another identity.
    /// Does nothing if the log has restarted since the caller read it.
    pub(crate) fn restart_log(&mut self, seen: LogId, now: Duration, mutation: Option<Mutation>) {
        if self.log.id() != seen {
            return;
        }
        self.log.horizon = DateTime::UNIX_EPOCH + TimeDelta::days(1);
        self.lost.clear();
        if mutation != Some(Mutation::SilentFork) {
            self.log.restarts += 1;
            self.append(Revocation::Start, now, Duration::ZERO, mutation);
        }
    }

    /// Returns every poll that can end now, for a replica that knows this many rows. Of the polls with the same result,
    /// only the one that began last is returned. A poll reads all rows that were committed before its start, and any
    /// number of later rows.
    pub(crate) fn polls(&self, known: usize, now: Duration) -> impl Iterator<Item = ModelPoll> {
        let before = self.before.as_ref().map(|before| (&before.log, before.until, true));
        [(&self.log, now, false)].into_iter().chain(before).flat_map(move |(log, until, before)| {
            let known = if before { known } else { known.min(log.rows.len()) };
            let poll = move |rows: usize| {
                let asked = log.rows.get(rows).map_or(until, |next| next.committed.min(until));
                ModelPoll { asked, rows, before }
            };
            (known..=log.rows.len())
                .map(poll)
                .filter(move |poll| poll.rows > log.pruned && now <= poll.asked + TICK_LENGTH * LATE_POLL_TICKS)
        })
    }

    /// Returns the rows of a poll, from this revision on.
    pub(crate) fn page(&self, poll: ModelPoll, from: i64) -> LogPage {
        let log = self.before.as_ref().filter(|_| poll.before).map_or(&self.log, |before| &before.log);
        let rows = &log.rows[..poll.rows];
        let entries = rows.iter().skip(log.pruned).map(|row| &row.entry);
        let entries = entries.filter(|entry| entry.logged.revision >= from).cloned().collect();
        // If pruned rows are missing, the poll also shows the horizon that pruning has set.
        let is_whole = rows.len() == log.rows.len() || log.pruned > 0;
        let horizon = rows.last().filter(|_| !is_whole).map_or(log.horizon, |row| row.horizon);
        let later = count_restarts(log.rows[poll.rows..].iter().map(|row| &row.entry));
        let log = ModelLog { restarts: log.restarts - later, ..ModelLog::default() }.id();
        LogPage { log, head: revision(rows.len()) - 1, horizon: horizon.into(), entries, is_cut: false }
    }
}

/// Returns the number of restarts in these entries.
fn count_restarts<'e>(entries: impl Iterator<Item = &'e Entry>) -> u8 {
    let is_restart = |entry: &&Entry| entry.revocation == Revocation::Start && entry.logged.revision > 0;
    u8::try_from(entries.filter(is_restart).count()).unwrap_or_default()
}

fn revision(row: usize) -> i64 {
    i64::try_from(row).unwrap_or(i64::MAX)
}
