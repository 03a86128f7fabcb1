//! Repair of times that a wrong clock has written: future times are cut to the present.
//!
//! Each step is safe under any clock, even a wrong one: revoked tokens stay dead. Before the time of a log entry
//! changes, a new era starts. From then on, an earlier token is valid only if its issue time is not in the future. So a
//! token with a future issue time is dead for good, and its log entry may be pruned early.

use chrono::TimeDelta;
use db::{ClosingStatements, TransactionOutcome, read, transaction, within, write};

use super::{AllowanceKind, AuthStore, StoreError, Time, log};
use crate::domain::{Era, Logged, Revocation, SessionId, SigningKeyRecord, Stamp};

/// Rows that one statement examines.
const ROWS_PER_STATEMENT: i64 = 5_000;

/// Bounds of plausible stored times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeBounds {
    /// Current time.
    pub now: Time,
    /// Latest plausible time of a past event.
    pub future: Time,
    /// Longest lifetime of a session that starts now.
    pub session: TimeDelta,
    /// Lifetime of a session without a refresh.
    pub idle: TimeDelta,
}

/// Bound of the allowances of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AllowanceBound {
    /// Kind of the allowances.
    pub kind: AllowanceKind,
    /// Latest plausible time at which a used allowance is full again.
    pub full_time: Time,
}

/// Result of one step through a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passed<T> {
    /// Number of repaired rows, or of rows to repair if the step only counts.
    pub repaired: u64,
    /// Last row examined; `None` at the table's end.
    pub next: Option<T>,
}

impl AuthStore {
    /// Moves a horizon after `future` back to the stamp's time, and starts a new era. Tokens issued until now are dead,
    /// later tokens are valid. Returns `None` if the horizon is not after `future`.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is changed.
    pub async fn lower_horizon(&self, future: Time, stamp: Stamp) -> Result<Option<Logged>, StoreError> {
        const SQL: &str = "update log_head set horizon = $1 where id = 1 and horizon > $2";
        transaction!(self.db, async move |mut tx| {
            if within!(tx, sqlx::query(SQL).bind(stamp.time).bind(future))? == 0 {
                return Ok(TransactionOutcome::Undo(None));
            }
            let statements =
                vec![log::begin_era(Era::from_random(stamp.fingerprint.0)), log::entry(&Revocation::Start, stamp)];
            let answer = move |revision| Some(Logged { revision, fingerprint: stamp.fingerprint });
            Ok(TransactionOutcome::CommitWith(ClosingStatements::new(statements, answer)))
        })
    }

    /// Replaces the era `known` with the era `next`. Tokens of `known` stay valid if they were issued no later than
    /// `until`. Returns `false` if the log has another era by now.
    ///
    /// # Errors
    /// [`StoreError`]; then the log is as it was.
    pub async fn follow_era(&self, known: Era, next: Era, until: Time) -> Result<bool, StoreError> {
        const SQL: &str =
            "update log_head set era_before = era, era_before_until = $3, era = $2 where id = 1 and era = $1";
        Ok(write!(self.db, sqlx::query(SQL).bind(known.0).bind(next.0).bind(until))? > 0)
    }

    /// Returns true if one of the log's oldest entries has a time after `future`. Such an entry bars the pruning of the
    /// log, which starts at its oldest entries.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn is_pruning_barred(&self, future: Time) -> Result<bool, StoreError> {
        const SQL: &str = "select 1 from (select log_time from revocations where revision >= $2 order by revision limit 500) \
             oldest where log_time > $1 limit 1";
        let found: Option<i32> =
            read!(self.db, |reader| sqlx::query_scalar(SQL).bind(future).bind(0_i64).fetch_optional(reader))?;
        Ok(found.is_some())
    }

    /// Counts the entries with a time after `bounds.future`, among the next 5,000 after the revision `after`. With
    /// `repairs`, cuts their times to the present.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn pass_log(&self, after: i64, repairs: bool, bounds: TimeBounds) -> Result<Passed<i64>, StoreError> {
        const LAST: &str = "select revision, count(case when log_time > $3 then 1 end) over () from \
             (select revision, log_time from revocations where revision > $1 order by revision limit $2) passed \
             order by revision desc limit 1";
        const SQL: &str =
            "update revocations set log_time = $4 where revision > $1 and revision <= $2 and log_time > $3";
        let passed: Option<(i64, i64)> = read!(self.db, |reader| sqlx::query_as(LAST)
            .bind(after)
            .bind(ROWS_PER_STATEMENT)
            .bind(bounds.future)
            .fetch_optional(reader))?;
        repair(passed, repairs, async |last| {
            write!(self.db, sqlx::query(SQL).bind(after).bind(last).bind(bounds.future).bind(bounds.now))
        })
        .await
    }

    /// Counts the sessions started, refreshed or ended after `bounds.future`, among the next 5,000 after the id
    /// `after`. With `repairs`, cuts their times to the present.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn pass_sessions(
        &self,
        after: SessionId,
        repairs: bool,
        bounds: TimeBounds,
    ) -> Result<Passed<SessionId>, StoreError> {
        const LAST: &str = "select id, \
             count(case when create_time > $3 or last_refresh_time > $3 or end_time > $3 then 1 end) over () from \
             (select id, create_time, last_refresh_time, end_time from sessions where id > $1 order by id limit $2) passed \
             order by id desc limit 1";
        const USERS: &str = "update users set last_login_time = $4 where last_login_time > $3 and id in \
             (select user_id from sessions where id > $1 and id <= $2 and create_time > $3)";
        const SQL: &str = "update sessions set \
             create_time = case when create_time > $3 then $4 else create_time end, \
             last_refresh_time = case when last_refresh_time > $3 then $4 else last_refresh_time end, \
             end_time = case when end_time > $3 then $4 else end_time end, \
             expire_time = case when expire_time > $5 then $5 else expire_time end, \
             idle_expire_time = case when idle_expire_time > $6 then $6 else idle_expire_time end, \
             over_time = case when over_time > $6 then $6 else over_time end \
             where id > $1 and id <= $2 and (create_time > $3 or last_refresh_time > $3 or end_time > $3)";
        let TimeBounds { now, future, session, idle } = bounds;
        let passed: Option<(SessionId, i64)> = read!(self.db, |reader| sqlx::query_as(LAST)
            .bind(after)
            .bind(ROWS_PER_STATEMENT)
            .bind(future)
            .fetch_optional(reader))?;
        repair(passed, repairs, async |last| {
            write!(self.db, sqlx::query(USERS).bind(after).bind(last).bind(future).bind(now))?;
            write!(
                self.db,
                sqlx::query(SQL).bind(after).bind(last).bind(future).bind(now).bind(now + session).bind(now + idle)
            )
        })
        .await
    }

    /// Sets the future times of failed attempts to `last`, and keeps their counts. Deletes an allowance that is full
    /// again only after the bound of its kind, because no use can have led to such a time. Returns the number of
    /// repaired rows.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn repair_attempts(
        &self,
        bounds: TimeBounds,
        last: Time,
        allowances: &[AllowanceBound],
    ) -> Result<u64, StoreError> {
        const ATTEMPTS: &str = "update failed_attempts set last_time = $1 where last_time > $2";
        const ALLOWANCES: &str = "delete from allowances where kind = $1 and full_time > $2";
        let mut repaired = write!(self.db, sqlx::query(ATTEMPTS).bind(last).bind(bounds.future))?;
        for AllowanceBound { kind, full_time } in allowances {
            repaired += write!(self.db, sqlx::query(ALLOWANCES).bind(kind.text()).bind(*full_time))?;
        }
        Ok(repaired)
    }

    /// Writes the times of these signing keys, and announces the change in the log. Returns `false` and writes nothing
    /// if a key was replaced or retired since it was read.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is changed.
    pub async fn repair_signing_keys(&self, keys: &[SigningKeyRecord], stamp: Stamp) -> Result<bool, StoreError> {
        const SQL: &str = "update signing_keys set create_time = $3, sign_time = $4, retire_time = $5, verify_until = $6 \
             where number = $1 and id = $2 and (retire_time is null) = $7";
        let keys = keys.to_vec();
        transaction!(self.db, async move |mut tx| {
            for key in &keys {
                let written = within!(
                    tx,
                    sqlx::query(SQL)
                        .bind(key.number)
                        .bind(&key.id)
                        .bind(key.create_time)
                        .bind(key.sign_time)
                        .bind(key.retire_time)
                        .bind(key.verify_until)
                        .bind(key.retire_time.is_none())
                )?;
                if written == 0 {
                    return Ok(TransactionOutcome::Undo(false));
                }
            }
            Ok(log::commit(Vec::new(), &Revocation::NewSigningKeys, stamp, |_| true))
        })
    }
}

/// Repairs the rows up to the last examined one, if some have a wrong time and `repairs` is set.
async fn repair<T: Copy>(
    passed: Option<(T, i64)>,
    repairs: bool,
    write: impl AsyncFnOnce(T) -> Result<u64, StoreError>,
) -> Result<Passed<T>, StoreError> {
    let (next, late) = passed.unzip();
    let repaired = match next {
        Some(last) if repairs && late > Some(0) => write(last).await?,
        _ => late.unwrap_or_default().unsigned_abs(),
    };
    Ok(Passed { repaired, next })
}
