//! Wrong passwords and registrations, counted where a restart and another replica see them.

use chrono::TimeDelta;
use sqlx::{Row as _, SqliteConnection};

use super::{Store, StoreError, Time};
use crate::domain::{Allowance, Failures};

/// An account by the SHA-256 of what was tried.
pub type Account = [u8; 32];

/// What an address has an allowance of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Wrong passwords.
    Failure,
    /// Registrations.
    SignUp,
}

impl Store {
    /// The wrong passwords of this account since the last right one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn failures(&self, account: &Account) -> Result<Option<Failures>, StoreError> {
        const SQL: &str = "select failures, last_time from failed_attempts where account = $1";
        let row = sqlx::query(SQL).bind(account.as_slice()).fetch_optional(self.db.reader()).await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(Failures { count: row.try_get("failures")?, last: row.try_get("last_time")? }))
    }

    /// Counts an attempt of an account that has failed before, ahead of its outcome, so that attempts made at once do not
    /// slip past the count; `false` when another one came first.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is counted.
    pub async fn claim_attempt(&self, account: &Account, seen: Failures, now: Time) -> Result<bool, StoreError> {
        const SQL: &str = "update failed_attempts set failures = failures + 1, last_time = $3 \
             where account = $1 and failures = $2";
        let claimed = sqlx::query(SQL).bind(account.as_slice()).bind(seen.count).bind(now);
        Ok(claimed.execute(self.db.writer()).await?.rows_affected() > 0)
    }

    /// Takes a claim back, of an attempt that nobody has judged; `seen` is what was known before it.
    ///
    /// # Errors
    /// [`StoreError`]; then it stays counted.
    pub async fn release_attempt(&self, account: &Account, seen: Failures) -> Result<(), StoreError> {
        const SQL: &str = "update failed_attempts set failures = failures - 1, \
             last_time = case when failures = $2 + 1 then $3 else last_time end where account = $1 and failures > 1";
        sqlx::query(SQL).bind(account.as_slice()).bind(seen.count).bind(seen.last).execute(self.db.writer()).await?;
        Ok(())
    }

    /// Counts a wrong password: for the account, where it has not been counted ahead, and for the address.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is counted.
    pub async fn add_failure(
        &self,
        account: Option<&Account>,
        network: &str,
        allowance: Allowance,
        now: Time,
    ) -> Result<(), StoreError> {
        const SQL: &str = "insert into failed_attempts (account, failures, last_time) values ($1, 1, $2) \
             on conflict (account) do update set failures = failed_attempts.failures + 1, last_time = excluded.last_time";
        let mut transaction = self.db.begin().await?;
        if let Some(account) = account {
            sqlx::query(SQL).bind(account.as_slice()).bind(now).execute(&mut *transaction).await?;
        }
        // However much is used up already: what is counted here has happened.
        let _ = use_one(&mut transaction, Kind::Failure, network, Allowance { burst: 0, ..allowance }, now).await?;
        forget(&mut transaction, now).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Forgets the wrong passwords of an account, after a right one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn clear_failures(&self, account: &Account) -> Result<(), StoreError> {
        const SQL: &str = "delete from failed_attempts where account = $1";
        sqlx::query(SQL).bind(account.as_slice()).execute(self.db.writer()).await?;
        Ok(())
    }

    /// When the address has its whole allowance back; `None` when it has used nothing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn allowance(&self, kind: Kind, network: &str) -> Result<Option<Time>, StoreError> {
        let mut reader = self.db.reader().acquire().await?;
        full_time(&mut reader, kind, network).await
    }

    /// Uses one of the address's allowance, or says how long it must wait for it.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is used.
    pub async fn use_allowance(
        &self,
        kind: Kind,
        network: &str,
        allowance: Allowance,
        now: Time,
    ) -> Result<Result<(), TimeDelta>, StoreError> {
        // Whoever must wait is told so by a read: a flood of those writes nothing.
        if let Some(full) = self.allowance(kind, network).await?
            && let Some(wait) = allowance.wait(full, now)
        {
            return Ok(Err(wait));
        }
        let mut transaction = self.db.begin().await?;
        let used = use_one(&mut transaction, kind, network, allowance, now).await?;
        forget(&mut transaction, now).await?;
        transaction.commit().await?;
        Ok(used)
    }

    /// Whether the user of this email has a session, ended or not, that was begun in this network.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn is_known_at(&self, email_key: &str, network: &str) -> Result<bool, StoreError> {
        const SQL: &str = "select exists (select 1 from users u join sessions s on s.user_id = u.id \
             where u.email_key = $1 and s.network = $2)";
        Ok(sqlx::query_scalar(SQL).bind(email_key).bind(network).fetch_one(self.db.reader()).await?)
    }
}

impl Kind {
    fn text(self) -> &'static str {
        match self {
            Self::Failure => "failure",
            Self::SignUp => "sign-up",
        }
    }
}

async fn full_time(connection: &mut SqliteConnection, kind: Kind, network: &str) -> Result<Option<Time>, StoreError> {
    const SQL: &str = "select full_time from allowances where kind = $1 and network = $2";
    Ok(sqlx::query_scalar(SQL).bind(kind.text()).bind(network).fetch_optional(connection).await?)
}

/// Uses one of the allowance, or says how long to wait for it; begins anew whenever somebody else has used one between.
async fn use_one(
    connection: &mut SqliteConnection,
    kind: Kind,
    network: &str,
    allowance: Allowance,
    now: Time,
) -> Result<Result<(), TimeDelta>, StoreError> {
    const FIRST: &str = "insert into allowances (kind, network, full_time) values ($1, $2, $3) \
         on conflict (kind, network) do nothing";
    const NEXT: &str = "update allowances set full_time = $3 where kind = $1 and network = $2 and full_time = $4";
    loop {
        let seen = full_time(&mut *connection, kind, network).await?;
        let full = seen.unwrap_or(now);
        if let Some(wait) = allowance.wait(full, now) {
            return Ok(Err(wait));
        }
        let used = allowance.use_one(full, now);
        let statement = match seen {
            None => sqlx::query(FIRST).bind(kind.text()).bind(network).bind(used),
            Some(seen) => sqlx::query(NEXT).bind(kind.text()).bind(network).bind(used).bind(seen),
        };
        if statement.execute(&mut *connection).await?.rows_affected() > 0 {
            return Ok(Ok(()));
        }
    }
}

/// Takes out what no longer counts: a few rows for each that comes, so that no call pays for a day's worth.
async fn forget(connection: &mut SqliteConnection, now: Time) -> Result<(), StoreError> {
    const ACCOUNTS: &str = "delete from failed_attempts where account in \
         (select account from failed_attempts where last_time <= $1 order by last_time limit 16)";
    const ALLOWANCES: &str = "delete from allowances where (kind, network) in \
         (select kind, network from allowances where full_time <= $1 order by full_time limit 16)";
    sqlx::query(ACCOUNTS).bind(now - TimeDelta::hours(24)).execute(&mut *connection).await?;
    sqlx::query(ALLOWANCES).bind(now).execute(connection).await?;
    Ok(())
}
