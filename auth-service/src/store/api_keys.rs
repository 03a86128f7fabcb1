//! API keys: rows, their changes with an entry in the log of revocations, and reads for the view.

use db::{SqlStatement, TransactionOutcome, Tx, read, settle, transaction, within, write};
use sqlx::query::Query;

use super::api_key_rows::{ApiKeyRow, keys};
use super::{AuthStore, LogReader, StoreError, Time, audit, log};
use crate::domain::{ApiKey, ApiKeyId, ApiKeySecret, ApiKeyVersion, Logged, NewAuditEvent, Revocation, Stamp};

/// Keys of one statement.
const BATCH: usize = 16;

/// Keys that one poll reads: well within its time limit.
const KEYS_PER_POLL: i64 = 1_000;

/// Migration that introduced API keys.
const API_KEYS_MIGRATION: i64 = 14;

impl AuthStore {
    /// Creates the key. Returns its entry in the log.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is written, except with [`StoreError::Unknown`].
    pub async fn create_api_key(
        &self,
        key: &ApiKey,
        stamp: Stamp,
        event: &NewAuditEvent,
    ) -> Result<Logged, StoreError> {
        let find = || async { self.logged(stamp.fingerprint).await };
        let logged = settle(|| self.try_create_api_key(key, stamp, event), find).await?;
        self.show(event);
        Ok(logged)
    }

    async fn try_create_api_key(
        &self,
        key: &ApiKey,
        stamp: Stamp,
        event: &NewAuditEvent,
    ) -> Result<Logged, StoreError> {
        const SQL: &str = "insert into api_keys (id, name, roles, audiences, revision, create_time, update_time, \
             expire_time, over_time) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        let (key, audit) = (key.clone(), audit::insert(event));
        transaction!(self.db, async move |mut tx| {
            within!(
                tx,
                sqlx::query(SQL)
                    .bind(key.id)
                    .bind(&key.name)
                    .bind(key.roles.to_text())
                    .bind(key.audiences.join(" "))
                    .bind(key.revision)
                    .bind(key.create_time)
                    .bind(key.update_time)
                    .bind(key.expire_time)
                    .bind(key.over_time())
            )?;
            insert_secrets(&mut tx, &key).await?;
            // No earlier version exists: the entry makes the replicas read the row.
            let before = ApiKeyVersion { id: key.id, revision: 0 };
            Ok(log::commit(vec![audit.clone()], &Revocation::ApiKey(before), stamp, |logged| logged))
        })
    }

    /// Replaces a version of the key with the next one. Returns `None` and writes nothing if the row has another
    /// version by now.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is written, except with [`StoreError::Unknown`].
    pub async fn replace_api_key(
        &self,
        before: &ApiKey,
        after: &ApiKey,
        stamp: Stamp,
        event: &NewAuditEvent,
    ) -> Result<Option<Logged>, StoreError> {
        let find = || async { Ok(self.logged(stamp.fingerprint).await?.map(Some)) };
        let logged = settle(|| self.try_replace_api_key(before, after, stamp, event), find).await?;
        self.show_if(logged.is_some(), event);
        Ok(logged)
    }

    async fn try_replace_api_key(
        &self,
        before: &ApiKey,
        after: &ApiKey,
        stamp: Stamp,
        event: &NewAuditEvent,
    ) -> Result<Option<Logged>, StoreError> {
        const SQL: &str = "update api_keys set name = $3, roles = $4, revision = $5, update_time = $6, expire_time = $7, \
             revoke_time = $8, over_time = $9 where id = $1 and revision = $2";
        const CLEAR: &str = "delete from api_key_secrets where api_key_id = $1";
        let (before, key, audit) = (before.version(), after.clone(), audit::insert(event));
        transaction!(self.db, async move |mut tx| {
            let written = within!(
                tx,
                sqlx::query(SQL)
                    .bind(key.id)
                    .bind(before.revision)
                    .bind(&key.name)
                    .bind(key.roles.to_text())
                    .bind(key.revision)
                    .bind(key.update_time)
                    .bind(key.expire_time)
                    .bind(key.revoke_time)
                    .bind(key.over_time())
            )?;
            if written == 0 {
                return Ok(TransactionOutcome::Undo(None));
            }
            within!(tx, sqlx::query(CLEAR).bind(key.id))?;
            insert_secrets(&mut tx, &key).await?;
            Ok(log::commit(vec![audit.clone()], &Revocation::ApiKey(before), stamp, Some))
        })
    }

    /// Returns the key with this id.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn api_key(&self, id: ApiKeyId) -> Result<Option<ApiKey>, StoreError> {
        const SQL: &str = "select k.id, name, roles, audiences, revision, k.create_time, update_time, k.expire_time, \
             revoke_time, last_used_time, number, digest, s.create_time as secret_create_time, \
             s.expire_time as secret_expire_time from api_keys k join api_key_secrets s on s.api_key_id = k.id \
             where k.id = $1 order by number desc limit 8";
        let rows: Vec<ApiKeyRow> = read!(self.db, |reader| sqlx::query_as(SQL).bind(id).fetch_all(reader))?;
        Ok(keys(rows)?.pop())
    }

    /// Returns at most `limit` keys that are older than the key `after`, newest first.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list_api_keys(&self, after: Option<ApiKeyId>, limit: u32) -> Result<Vec<ApiKey>, StoreError> {
        const SQL: &str = "select k.id, name, roles, audiences, revision, k.create_time, update_time, k.expire_time, \
             revoke_time, last_used_time, number, digest, s.create_time as secret_create_time, \
             s.expire_time as secret_expire_time from (select id, name, roles, audiences, revision, create_time, \
             update_time, expire_time, revoke_time, last_used_time from api_keys where id < $1 order by id desc \
             limit $2) k join api_key_secrets s on s.api_key_id = k.id order by k.id desc, number desc";
        let (after, limit) = (after.unwrap_or(ApiKeyId::MAX), i64::from(limit));
        let rows: Vec<ApiKeyRow> =
            read!(self.db, |reader| sqlx::query_as(SQL).bind(after).bind(limit).fetch_all(reader))?;
        keys(rows)
    }

    /// Records that these keys were used at the time `now`, in batches, and removes the stored ones from `ids`. A key whose
    /// stored time is after `recent` keeps it, unless the stored time is in the future.
    ///
    /// # Errors
    /// [`StoreError`]; then the rest is still in `ids`.
    pub async fn touch_api_keys(&self, ids: &mut Vec<ApiKeyId>, now: Time, recent: Time) -> Result<(), StoreError> {
        const SQL: &str = "update api_keys set last_used_time = $1 \
             where (last_used_time is null or last_used_time <= $2 or last_used_time > $1) \
             and id in ($3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)";
        while !ids.is_empty() {
            let rest = ids.len().saturating_sub(BATCH);
            write!(self.db, padded(&ids[rest..]).fold(sqlx::query(SQL).bind(now).bind(recent), Query::bind))
                .map_err(StoreError::or_unavailable)?;
            ids.truncate(rest);
        }
        Ok(())
    }

    /// Deletes at most 16 keys that were over at the time `until`, each with an entry in the log. Returns their number.
    ///
    /// # Errors
    /// [`StoreError`]; then only some are deleted.
    pub async fn sweep_api_keys(&self, until: Time, stamp: impl Fn() -> Stamp) -> Result<usize, StoreError> {
        const OVER: &str = "select id from api_keys where over_time <= $1 order by over_time limit 16";
        const SQL: &str = "delete from api_keys where id = $1 and over_time <= $2 returning revision";
        let over: Vec<ApiKeyId> = read!(self.db, |reader| sqlx::query_scalar(OVER).bind(until).fetch_all(reader))?;
        for id in &over {
            let (id, stamp) = (*id, stamp());
            transaction!(self.db, async move |mut tx| {
                let deleted: Option<i32> =
                    within!(tx, |connection| sqlx::query_scalar(SQL).bind(id).bind(until).fetch_optional(connection))?;
                // An admin may have given the key another expiry since.
                let Some(revision) = deleted else { return Ok(TransactionOutcome::Undo(())) };
                let version = ApiKeyVersion { id, revision };
                Ok(log::commit(Vec::new(), &Revocation::ApiKey(version), stamp, drop))
            })?;
        }
        Ok(over.len())
    }

    /// Revokes every key, a thousand at a time, and returns their number: after a restore it is unknown which keys were
    /// revoked since the backup. A database of an earlier version has none. The caller gives the log a new identity.
    ///
    /// # Errors
    /// [`StoreError`]; then only some are revoked.
    pub async fn revoke_every_api_key(&self, now: Time) -> Result<u64, StoreError> {
        const NEXT: &str = "select id from api_keys where id > $1 order by id limit 1000";
        const SQL: &str = "update api_keys set revoke_time = $3, update_time = $3, \
             over_time = case when over_time < $3 then over_time else $3 end, revision = revision + 1 where id > $1 and id <= $2 and revoke_time is null";
        let (mut after, mut revoked) = (ApiKeyId::NIL, 0);
        if !self.has_migration(API_KEYS_MIGRATION).await? {
            return Ok(0);
        }
        loop {
            let ids: Vec<ApiKeyId> = read!(self.db, |reader| sqlx::query_scalar(NEXT).bind(after).fetch_all(reader))?;
            let Some(&last) = ids.last() else { return Ok(revoked) };
            revoked += write!(self.db, sqlx::query(SQL).bind(after).bind(last).bind(now))?;
            after = last;
        }
    }
}

impl LogReader {
    /// Reads these keys; deleted ones are left out.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn api_keys(&mut self, ids: &[ApiKeyId]) -> Result<Vec<ApiKey>, StoreError> {
        const SQL: &str = "select k.id, name, roles, audiences, revision, k.create_time, update_time, k.expire_time, \
             revoke_time, last_used_time, number, digest, s.create_time as secret_create_time, \
             s.expire_time as secret_expire_time from api_keys k join api_key_secrets s on s.api_key_id = k.id \
             where k.id in ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) \
             order by k.id, number desc limit 128";
        let mut found = Vec::new();
        for some in ids.chunks(BATCH) {
            let rows: Vec<ApiKeyRow> =
                self.watcher.select(padded(some).fold(SqlStatement::new(SQL), SqlStatement::bind)).await?;
            found.extend(keys(rows)?);
        }
        Ok(found)
    }

    /// Reads all keys.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn all_api_keys(&mut self) -> Result<Vec<ApiKey>, StoreError> {
        const SQL: &str = "select k.id, name, roles, audiences, revision, k.create_time, update_time, k.expire_time, \
             revoke_time, last_used_time, number, digest, s.create_time as secret_create_time, \
             s.expire_time as secret_expire_time from (select id, name, roles, audiences, revision, create_time, \
             update_time, expire_time, revoke_time, last_used_time from api_keys where id > $1 order by id limit $2) k \
             join api_key_secrets s on s.api_key_id = k.id order by k.id, number desc";
        let (mut found, mut after) = (Vec::new(), ApiKeyId::NIL);
        loop {
            let rows: Vec<ApiKeyRow> =
                self.watcher.select(SqlStatement::new(SQL).bind(after).bind(KEYS_PER_POLL)).await?;
            let page = keys(rows)?;
            let Some(last) = page.last() else { return Ok(found) };
            after = last.id;
            found.extend(page);
        }
    }
}

/// Inserts the secrets of a key whose row the same transaction has just written.
async fn insert_secrets(tx: &mut Tx<'_>, key: &ApiKey) -> Result<(), sqlx::Error> {
    const SQL: &str = "insert into api_key_secrets (api_key_id, number, digest, create_time, expire_time) \
         values ($1, $2, $3, $4, $5)";
    for ApiKeySecret { number, digest, create_time, expire_time } in &key.secrets {
        within!(
            *tx,
            sqlx::query(SQL).bind(key.id).bind(number).bind(digest.0.as_slice()).bind(create_time).bind(expire_time)
        )?;
    }
    Ok(())
}

/// Returns the ids of a batch. The nil id, which no row has, fills the rest.
fn padded(some: &[ApiKeyId]) -> impl Iterator<Item = ApiKeyId> {
    some.iter().copied().chain(std::iter::repeat(ApiKeyId::NIL)).take(BATCH)
}
