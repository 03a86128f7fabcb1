//! Log of revocations: each transaction that kills tokens writes its entry last.

use chrono::{DateTime, SubsecRound as _, TimeDelta};
use db::{ClosingStatements, SqlStatement, TransactionOutcome, read, transaction, within, write};

use super::log_reader::bytes;
use super::{AuthStore, StoreError, Time};
use crate::domain::{Cause, EntryFingerprint, Era, LogId, Logged, Revocation, Stamp};

/// Migrations that introduced the log and its eras.
const LOG_MIGRATION: i64 = 4;
const ERAS_MIGRATION: i64 = 10;

impl AuthStore {
    /// Creates the log and the head of the audit log unless they exist. The log has its own era: earlier tokens are dead. They may be signed by the current
    /// secret, and it is unknown which of them were revoked.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn begin_log(&self, id: LogId, stamp: Stamp) -> Result<(), StoreError> {
        const HEAD: &str = "insert into log_head (id, log_id, revision, mark, kind, subject, generation, log_time, horizon, \
             era) values (1, $1, 0, $2, 'start', '', 0, $3, $4, $5) on conflict (id) do nothing";
        const FIRST: &str = "insert into revocations (revision, mark, kind, subject, generation, log_time) \
             select revision, mark, kind, subject, generation, log_time from log_head where id = 1";
        const AUDIT: &str =
            "insert into audit_head (id, position, pruned) values (1, 0, 0) on conflict (id) do nothing";
        // The era separates tokens exactly. The date excludes the second in which the log is created, so that tokens of
        // that second are valid.
        let horizon = stamp.time.trunc_subsecs(0) - TimeDelta::seconds(1);
        transaction!(self.db, async move |mut tx| {
            let begun = within!(
                tx,
                sqlx::query(HEAD)
                    .bind(id.0.as_slice())
                    .bind(stamp.fingerprint.0.as_slice())
                    .bind(stamp.time)
                    .bind(horizon)
                    .bind(Era::from_random(stamp.fingerprint.0).0)
            )?;
            if begun > 0 {
                within!(tx, sqlx::query(FIRST))?;
            }
            within!(tx, sqlx::query(AUDIT))?;
            Ok(TransactionOutcome::Commit(()))
        })
    }

    /// Gives the log a new identity, so that readers of the old one start over, and refuses all tokens issued until
    /// `now`. A database of an earlier version has no log yet and gets one at its start.
    ///
    /// # Errors
    /// [`StoreError`]; then the log is the same.
    pub async fn renew_log(&self, id: LogId, now: Time) -> Result<(), StoreError> {
        const SQL: &str = "update log_head set log_id = $1, horizon = $2 where id = 1";
        const WITH_ERA: &str =
            "update log_head set log_id = $1, horizon = $2, era = $3, era_before_until = $4 where id = 1";
        if self.has_migration(ERAS_MIGRATION).await? {
            let era = Era::from_random(id.0).0;
            write!(self.db, sqlx::query(WITH_ERA).bind(id.0.to_vec()).bind(now).bind(era).bind(DateTime::UNIX_EPOCH))?;
        } else if self.has_migration(LOG_MIGRATION).await? {
            write!(self.db, sqlx::query(SQL).bind(id.0.to_vec()).bind(now))?;
        }
        Ok(())
    }

    /// Returns true if the database has this migration: a copy of an earlier version is not migrated.
    pub(super) async fn has_migration(&self, version: i64) -> Result<bool, StoreError> {
        const SQL: &str = "select 1 from _sqlx_migrations where version = $1";
        let found: Option<i32> = read!(self.db, |reader| sqlx::query_scalar(SQL).bind(version).fetch_optional(reader))?;
        Ok(found.is_some())
    }

    /// Refuses all tokens issued until now, for good, by a new era and the stamp's time, and gives the log the identity
    /// `next`.
    ///
    /// Another [`Revocation::Start`] announces this to readers that have missed nothing. Returns `None` and changes
    /// nothing if the log no longer has the identity `seen`: another replica was first.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is refused.
    pub async fn begin_log_anew(&self, seen: LogId, next: LogId, stamp: Stamp) -> Result<Option<Logged>, StoreError> {
        let begin = SqlStatement::new(BEGIN)
            .bind(stamp.fingerprint.0.as_slice())
            .bind(stamp.time)
            .bind(Era::from_random(stamp.fingerprint.0).0)
            .bind(DateTime::UNIX_EPOCH)
            .bind(next.0.as_slice())
            .bind(seen.0.as_slice());
        let end = SqlStatement::new(BEGUN).bind(stamp.fingerprint.0.as_slice());
        let revision = self.db.at_once(vec![begin, end]).await?;
        Ok((revision > 0).then_some(Logged { revision, fingerprint: stamp.fingerprint }))
    }

    /// Returns the fingerprint of the entry with this revision, unless the entry was pruned or never existed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn log_fingerprint(&self, revision: i64) -> Result<Option<EntryFingerprint>, StoreError> {
        const SQL: &str = "select mark from revocations where revision = $1";
        let found: Option<Vec<u8>> =
            read!(self.db, |reader| sqlx::query_scalar(SQL).bind(revision).fetch_optional(reader))?;
        Ok(found.map(|found| bytes(&found).map(EntryFingerprint)).transpose()?)
    }

    /// Deletes the oldest entries of expired tokens: at most 500 made until `until`, and never the last entry. Returns
    /// their number.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is deleted.
    pub async fn prune_log(&self, until: Time) -> Result<usize, StoreError> {
        const OLDEST: &str = "select revision, log_time from revocations \
             where revision < (select revision from log_head where id = 1) order by revision limit 500";
        const SQL: &str = "delete from revocations where revision <= $1";
        let oldest: Vec<(i64, Time)> = read!(self.db, |reader| sqlx::query_as(OLDEST).fetch_all(reader))?;
        // Entries come from several clocks: an expired entry behind a newer one waits for it.
        let expired = || oldest.iter().take_while(|(_, time)| *time <= until);
        let (Some((last, _)), Some(newest)) = (expired().last(), expired().map(|(_, time)| *time).max()) else {
            return Ok(0);
        };
        let last = *last;
        transaction!(self.db, async move |mut tx| {
            within!(tx, sqlx::query(SQL).bind(last))?;
            Ok(TransactionOutcome::CommitWith(ClosingStatements::new(
                vec![SqlStatement::new(RAISE).bind(newest)],
                drop,
            )))
        })?;
        Ok(expired().count())
    }

    /// Appends an entry in a transaction of its own.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is revoked.
    pub async fn revoke(&self, revocation: &Revocation, stamp: Stamp) -> Result<Logged, StoreError> {
        let revision = self.db.at_once(vec![entry(revocation, stamp)]).await?;
        Ok(Logged { revision, fingerprint: stamp.fingerprint })
    }

    /// Returns the entry with this fingerprint, if it is one of the log's last.
    pub(super) async fn logged(&self, fingerprint: EntryFingerprint) -> Result<Option<Logged>, StoreError> {
        // 5,000 are far more entries than are written while a commit's outcome is looked up.
        const SQL: &str = "select revision from revocations \
             where revision > (select revision from log_head where id = 1) - 5000 and mark = $1 limit 1";
        let found: Option<i64> =
            read!(self.db, |reader| sqlx::query_scalar(SQL).bind(fingerprint.0.as_slice()).fetch_optional(reader))?;
        Ok(found.map(|revision| Logged { revision, fingerprint }))
    }
}

/// Commits a transaction with the statements of its audit events and an entry, and makes its result from that entry.
/// They and the commit are sent in one message, because the entry locks the end of the log until the commit.
pub(super) fn commit<T>(
    audit: Vec<SqlStatement>,
    revocation: &Revocation,
    stamp: Stamp,
    answer: impl FnOnce(Logged) -> T + Send + 'static,
) -> TransactionOutcome<T> {
    let answer = move |revision| answer(Logged { revision, fingerprint: stamp.fingerprint });
    let mut statements = audit;
    statements.push(entry(revocation, stamp));
    TransactionOutcome::CommitWith(ClosingStatements::new(statements, answer))
}

/// Returns the statement that appends an entry. Only such statements may stand between it and the commit.
pub(super) fn entry(revocation: &Revocation, stamp: Stamp) -> SqlStatement {
    let (kind, subject, generation) = columns(revocation);
    SqlStatement::new(APPEND)
        .bind(stamp.fingerprint.0.as_slice())
        .bind(kind)
        .bind(subject.as_str())
        .bind(generation)
        .bind(stamp.time)
}

/// Raises the horizon. The horizon never moves back, even if a replica has an older one.
const RAISE: &str = "update log_head set horizon = case when horizon < $1 then $1 else horizon end where id = 1 \
     returning revision";

/// Starts the log over, unless another replica was first: a new identity, a new era, a horizon that never moves back,
/// and an entry, in one statement. Values: fingerprint, time, era, the epoch, the next identity, the identity that was
/// seen.
const BEGIN: &str = "update log_head set log_id = $5, horizon = case when horizon < $2 then $2 else horizon end, era = $3, \
     era_before_until = $4, revision = revision + 1, mark = $1, kind = 'start', subject = '', generation = 0, log_time = $2 \
     where id = 1 and log_id = $6";

/// Returns the revision of the log's end if it has this fingerprint, else 0.
const BEGUN: &str = "select case when mark = $1 then revision else 0 end from log_head where id = 1";

/// Returns the statement that starts a new era: every token of the previous one is dead.
pub(super) fn begin_era(era: Era) -> SqlStatement {
    SqlStatement::new("update log_head set era = $1, era_before_until = $2 where id = 1")
        .bind(era.0)
        .bind(DateTime::UNIX_EPOCH)
}

/// Appends an entry. A trigger of this row writes the same entry to `revocations`.
const APPEND: &str = "update log_head set revision = revision + 1, mark = $1, kind = $2, subject = $3, generation = $4, \
     log_time = $5 where id = 1 returning revision";

fn columns(revocation: &Revocation) -> (&'static str, String, i32) {
    match revocation {
        Revocation::Start => ("start", String::new(), 0),
        Revocation::Session(id) => ("session", id.to_string(), 0),
        Revocation::User { id, generation, cause } => {
            let kind = match cause {
                Cause::Ended => "user",
                Cause::Disabled => "user-disabled",
                Cause::Deleted => "user-deleted",
            };
            (kind, id.to_string(), *generation)
        }
        // Versions without API keys stop at an entry of an unknown kind. They take this one for a signing key.
        Revocation::ApiKey(version) => ("signing-key", version.to_string(), 0),
        Revocation::SigningKey(id) => ("signing-key", id.clone(), 0),
        Revocation::NewSigningKeys => ("signing-keys", String::new(), 0),
    }
}
