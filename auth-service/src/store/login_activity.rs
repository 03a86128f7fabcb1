//! Logins of users, for admins.

use db::{read, settle, transaction, within, write};
use sqlx::query::{Query, QueryAs};

use super::{AccountDigest, AuthStore, StoreError, Time, audit};
use crate::domain::{Failures, NewAuditEvent, UserId};

/// Keys of one statement.
const BATCH: usize = 16;

impl AuthStore {
    /// Returns the time of the last login of each of these users who has logged in.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn last_logins(&self, ids: &[UserId]) -> Result<Vec<(UserId, Time)>, StoreError> {
        // Before the column was added, only the sessions recorded the time.
        const SQL: &str = "select id, coalesce(last_login_time, (select s.create_time from sessions s \
             where s.user_id = users.id order by s.id desc limit 1)) from users \
             where id in ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";
        let mut found = Vec::new();
        for some in ids.chunks(BATCH) {
            let rows: Vec<(UserId, Option<Time>)> =
                read!(self.db, |reader| padded_ids(some).fold(sqlx::query_as(SQL), QueryAs::bind).fetch_all(reader))?;
            found.extend(rows.into_iter().filter_map(|(id, time)| Some((id, time?))));
        }
        Ok(found)
    }

    /// Returns the wrong passwords of those accounts that have some.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn all_failures(&self, accounts: &[AccountDigest]) -> Result<Vec<(AccountDigest, Failures)>, StoreError> {
        const SQL: &str = "select account, failures, last_time from failed_attempts \
             where account in ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";
        let mut found = Vec::new();
        for some in accounts.chunks(BATCH) {
            let rows: Vec<(Vec<u8>, i32, Time)> =
                read!(self.db, |reader| padded(some).fold(sqlx::query_as(SQL), QueryAs::bind).fetch_all(reader))?;
            let failures = |(account, count, last): (Vec<u8>, i32, Time)| {
                Some((AccountDigest::try_from(account).ok()?, Failures { count, last }))
            };
            found.extend(rows.into_iter().filter_map(failures));
        }
        Ok(found)
    }

    /// Clears the wrong passwords of these accounts, and records the event.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is cleared, except with [`StoreError::Unknown`].
    pub async fn unlock(&self, accounts: &[AccountDigest], event: &NewAuditEvent) -> Result<(), StoreError> {
        const FIND: &str = "select 1 from audit_events where id = $1";
        let find = || async {
            let found: Option<i32> =
                read!(self.db, |reader| sqlx::query_scalar(FIND).bind(event.id).fetch_optional(reader))?;
            Ok::<_, StoreError>(found.map(|_| ()))
        };
        settle(|| self.try_unlock(accounts, event), find).await?;
        self.show(event);
        Ok(())
    }

    async fn try_unlock(&self, accounts: &[AccountDigest], event: &NewAuditEvent) -> Result<(), StoreError> {
        let (accounts, audit) = (accounts.to_vec(), audit::insert(event));
        transaction!(self.db, async move |mut tx| {
            for some in accounts.chunks(BATCH) {
                within!(tx, padded(some).fold(sqlx::query(CLEAR), Query::bind))?;
            }
            Ok(audit::commit(vec![audit.clone()], ()))
        })
    }

    /// Clears the wrong passwords of these accounts.
    ///
    /// # Errors
    /// [`StoreError`]; then only some are cleared.
    pub async fn clear_all_failures(&self, accounts: &[AccountDigest]) -> Result<(), StoreError> {
        for some in accounts.chunks(BATCH) {
            write!(self.db, padded(some).fold(sqlx::query(CLEAR), Query::bind)).map_err(StoreError::or_unavailable)?;
        }
        Ok(())
    }
}

const CLEAR: &str = "delete from failed_attempts \
     where account in ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";

/// Returns the ids of a batch. The nil id, which no row has, fills the rest.
fn padded_ids(some: &[UserId]) -> impl Iterator<Item = UserId> {
    some.iter().copied().chain(std::iter::repeat(UserId::NIL)).take(BATCH)
}

/// Returns the digests of a batch. An empty digest, which no row has, fills the rest.
fn padded(some: &[AccountDigest]) -> impl Iterator<Item = &[u8]> {
    some.iter().map(AccountDigest::as_slice).chain(std::iter::repeat(&[][..])).take(BATCH)
}
