//! Counters of wrong passwords. They survive a restart and hold for all replicas.

use db::{read, transaction, within, write};

use super::allowances::{UseCondition, use_one};
use super::audit::Recording;
use super::expiry::forget_expired;
use super::{AllowanceKind, AuthStore, StoreError, Time};
use crate::domain::{AttemptLimits, Failures, NewAuditEvent};

/// SHA-256 of the account that a login named.
pub type AccountDigest = [u8; 32];

/// Wrong password to count.
#[derive(Clone, Debug)]
pub struct WrongPassword {
    /// Accounts for which it counts. Without `claimed`, the first one decides the answer.
    pub accounts: Vec<AccountDigest>,
    /// Failures of the account that decides the answer, if the attempt has already been counted for it.
    pub claimed: Option<i32>,
    /// Limits of attempts.
    pub limits: AttemptLimits,
    /// Event of the failure.
    pub failed: NewAuditEvent,
    /// Event of the lock, in case the failure locks the account. `None` without accounts.
    pub locked: Option<NewAuditEvent>,
}

impl WrongPassword {
    /// Returns the events to record after this number of failures.
    fn events(&self, failures: Option<i32>) -> Vec<NewAuditEvent> {
        let lock = failures.and_then(|count| Some((count, self.limits.lock(count)?)));
        let locked = lock.zip(self.locked.clone()).map(|((count, wait), locked)| {
            let locked = locked.with("failures", &count.to_string());
            locked.with("wait_seconds", &wait.num_seconds().to_string())
        });
        [self.failed.clone()].into_iter().chain(locked).collect()
    }
}

impl AuthStore {
    /// Returns the wrong passwords of this account since its last correct one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn failures(&self, account: &AccountDigest) -> Result<Option<Failures>, StoreError> {
        const SQL: &str = "select failures, last_time from failed_attempts where account = $1";
        let row: Option<(_, Time)> =
            read!(self.db, |reader| sqlx::query_as(SQL).bind(account.as_slice()).fetch_optional(reader))?;
        Ok(row.map(|(count, last)| Failures { count, last }))
    }

    /// Counts an attempt of an account with earlier failures before its outcome is known, so that concurrent attempts
    /// cannot bypass the count. Returns `false` if another attempt was counted first.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is counted.
    pub async fn claim_attempt(&self, account: &AccountDigest, seen: Failures, now: Time) -> Result<bool, StoreError> {
        const SQL: &str = "update failed_attempts set failures = failures + 1, last_time = $3 \
             where account = $1 and failures = $2";
        let claimed = write!(self.db, sqlx::query(SQL).bind(account.as_slice()).bind(seen.count).bind(now));
        Ok(claimed.map_err(StoreError::or_unavailable)? > 0)
    }

    /// Reverts the count of an attempt whose password was not checked. `seen` is the state before the attempt.
    ///
    /// # Errors
    /// [`StoreError`]; then it stays counted.
    pub async fn release_attempt(&self, account: &AccountDigest, seen: Failures) -> Result<(), StoreError> {
        const SQL: &str = "update failed_attempts set failures = failures - 1, \
             last_time = case when failures = $2 + 1 then $3 else last_time end where account = $1 and failures > 1";
        write!(self.db, sqlx::query(SQL).bind(account.as_slice()).bind(seen.count).bind(seen.last)).map(drop)
    }

    /// Counts a wrong password for its accounts and for the address, and records its events.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is counted.
    pub async fn add_failure(&self, wrong: WrongPassword, network: &str, now: Time) -> Result<(), StoreError> {
        const SQL: &str = "insert into failed_attempts (account, failures, last_time) values ($1, 1, $2) \
             on conflict (account) do update set failures = failed_attempts.failures + 1, \
             last_time = excluded.last_time returning failures";
        let (network, recording) = (network.to_owned(), Recording::default());
        let recorded = recording.clone();
        transaction!(self.db, async move |mut tx| {
            let mut failures = wrong.claimed;
            for account in &wrong.accounts {
                let count: i32 = within!(tx, |connection| sqlx::query_scalar(SQL)
                    .bind(account.as_slice())
                    .bind(now)
                    .fetch_one(connection))?;
                failures = failures.or(Some(count));
            }
            let allowance = wrong.limits.failures;
            // The failure has happened, so it counts even beyond the allowance.
            use_one(&mut tx, AllowanceKind::Failure, &network, allowance, UseCondition::Always, now).await?.ok();
            forget_expired(&mut tx, now).await?;
            Ok(recording.commit(wrong.events(failures), ()))
        })
        .map_err(StoreError::or_unavailable)?;
        self.publish(&recorded);
        Ok(())
    }

    /// Clears the wrong passwords of an account, after a correct one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn clear_failures(&self, account: &AccountDigest) -> Result<(), StoreError> {
        const SQL: &str = "delete from failed_attempts where account = $1";
        write!(self.db, sqlx::query(SQL).bind(account.as_slice())).map(drop).map_err(StoreError::or_unavailable)
    }
}
