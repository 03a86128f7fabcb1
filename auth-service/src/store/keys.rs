//! Rows of signing keys. Every change of the set is announced in the log.

use db::{TransactionOutcome, Tx, read, transaction, within, write};
use sqlx::FromRow;

use super::audit::Recording;
use super::{AuthStore, StoreError, Time, audit, log};
use crate::domain::{Logged, NewAuditEvent, Revocation, SigningKeyRecord, Stamp};

/// A key pair, as its row holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRow {
    /// Public half and times.
    pub record: SigningKeyRecord,
    /// Sealed private half; `None` if a file holds it.
    pub sealed: Option<Vec<u8>>,
}

/// Private half of a key pair.
#[derive(Clone, Debug, FromRow)]
pub struct PrivateHalf {
    /// Id of the key.
    pub id: String,
    /// Sealed private half; `None` if a file holds it.
    pub sealed: Option<Vec<u8>>,
}

/// Replacement of a sealed private half.
#[derive(Clone, Debug)]
pub struct SealChange {
    /// Id of the key.
    pub id: String,
    /// Seal that was read.
    pub from: Vec<u8>,
    /// New seal.
    pub to: Vec<u8>,
}

/// Reads the [`PrivateHalf`] of each key in the order of signing, for copies of the database.
pub const PRIVATE_HALVES: &str = "select id, sealed from signing_keys where number > 0 order by number";

impl AuthStore {
    /// Returns the signing keys in the order of signing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn signing_keys(&self) -> Result<Vec<KeyRow>, StoreError> {
        const SQL: &str = "select number, id, algorithm, public_jwk, sealed, create_time, sign_time, retire_time, \
             verify_until from signing_keys where number > 0 order by number";
        let rows: Vec<SigningKeyRow> = read!(self.db, |reader| sqlx::query_as(SQL).fetch_all(reader))?;
        Ok(rows.into_iter().map(KeyRow::from).collect())
    }

    /// Adds a key after the key with the previous number. The previous key signs until the new one does, and verifies
    /// until `verify_until`. Returns `None` and changes nothing if another process added one first, or if the previous
    /// key is gone.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing is changed.
    pub async fn add_signing_key(
        &self,
        key: &SigningKeyRecord,
        sealed: Option<&[u8]>,
        verify_until: Time,
        stamp: Stamp,
        event: &NewAuditEvent,
    ) -> Result<Option<Logged>, StoreError> {
        const FOLLOW: &str = "update signing_keys set retire_time = $2, verify_until = $3 \
             where number = $1 and retire_time is null";
        let (key, sealed, audit) = (key.clone(), sealed.map(<[u8]>::to_vec), audit::insert(event));
        let added = transaction!(self.db, async move |mut tx| {
            if !insert(&mut tx, &key, sealed.as_deref()).await? {
                return Ok(TransactionOutcome::Undo(None));
            }
            let followed =
                within!(tx, sqlx::query(FOLLOW).bind(key.number - 1).bind(key.sign_time).bind(verify_until))?;
            if followed == 0 && key.number > 1 {
                return Ok(TransactionOutcome::Undo(None));
            }
            Ok(log::commit(vec![audit.clone()], &Revocation::NewSigningKeys, stamp, Some))
        })?;
        self.show_if(added.is_some(), event);
        Ok(added)
    }

    /// Kills a key's tokens, and removes the key from the set of every replica regardless of its clock.
    ///
    /// If the key is the last one, `successor` takes its place. If no other key signs, a waiting key signs from now on.
    /// Returns `None` and changes nothing if the key does not exist, if it has no successor, or if the successor's
    /// number is taken.
    ///
    /// # Errors
    /// [`StoreError`]; then its tokens stay valid.
    pub async fn kill_signing_key(
        &self,
        id: &str,
        successor: Option<&KeyRow>,
        stamp: Stamp,
        event: &NewAuditEvent,
    ) -> Result<Option<Logged>, StoreError> {
        const SQL: &str = "delete from signing_keys where id = $1 \
             and exists (select 1 from signing_keys later where later.number > signing_keys.number)";
        const EARLY: &str = "update signing_keys set sign_time = $1 where number = \
             (select number from signing_keys where number > 0 and sign_time > $1 order by number limit 1) \
             and not exists (select 1 from signing_keys signing where signing.number > 0 and signing.sign_time <= $1 \
             and (signing.retire_time is null or signing.retire_time > $1))";
        let (id, successor, audit) = (id.to_owned(), successor.cloned(), audit::insert(event));
        let killed = transaction!(self.db, async move |mut tx| {
            if let Some(KeyRow { record, sealed }) = &successor
                && !insert(&mut tx, record, sealed.as_deref()).await?
            {
                return Ok(TransactionOutcome::Undo(None));
            }
            if within!(tx, sqlx::query(SQL).bind(&id))? == 0 {
                return Ok(TransactionOutcome::Undo(None));
            }
            within!(tx, sqlx::query(EARLY).bind(stamp.time))?;
            Ok(log::commit(vec![audit.clone()], &Revocation::SigningKey(id.clone()), stamp, Some))
        })?;
        self.show_if(killed.is_some(), event);
        Ok(killed)
    }

    /// Returns true if the log contains the revocation of this key.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn has_killed_signing_key(&self, id: &str) -> Result<bool, StoreError> {
        const SQL: &str = "select 1 from revocations where kind = 'signing-key' and subject = $1 limit 1";
        let found: Option<i32> = read!(self.db, |reader| sqlx::query_scalar(SQL).bind(id).fetch_optional(reader))?;
        Ok(found.is_some())
    }

    /// Deletes the private half of a key that no longer signs. Returns true if there was one.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn wipe_signing_key(&self, id: &str, now: Time) -> Result<bool, StoreError> {
        const SQL: &str = "update signing_keys set sealed = null where id = $1 and retire_time <= $2 \
             and sealed is not null";
        Ok(write!(self.db, sqlx::query(SQL).bind(id).bind(now))? > 0)
    }

    /// Deletes a key after all its tokens have died. Returns true if it existed.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn forget_signing_key(&self, id: &str, now: Time) -> Result<bool, StoreError> {
        const SQL: &str = "delete from signing_keys where id = $1 and verify_until <= $2";
        Ok(write!(self.db, sqlx::query(SQL).bind(id).bind(now))? > 0)
    }

    /// Stores the sealed private half of a key that was kept elsewhere. Returns true if the row was empty before.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn seal_signing_key(&self, id: &str, sealed: &[u8]) -> Result<bool, StoreError> {
        const SQL: &str = "update signing_keys set sealed = $2 where id = $1 and sealed is null";
        Ok(write!(self.db, sqlx::query(SQL).bind(id).bind(sealed))? > 0)
    }

    /// Replaces the sealed private halves of these keys. Returns false and changes nothing if any key has another sealed text by
    /// now.
    ///
    /// # Errors
    /// [`StoreError`]. All seals are as they were then, unless the answer to the commit was lost.
    pub async fn reseal_signing_keys(&self, seals: &[SealChange], event: &NewAuditEvent) -> Result<bool, StoreError> {
        const SQL: &str = "update signing_keys set sealed = $3 where id = $1 and sealed = $2";
        let (seals, recording, event) = (seals.to_vec(), Recording::default(), event.clone());
        let recorded = recording.clone();
        let resealed = transaction!(self.db, async move |mut tx| {
            for SealChange { id, from, to } in &seals {
                if within!(tx, sqlx::query(SQL).bind(id).bind(from).bind(to))? == 0 {
                    return Ok(TransactionOutcome::Undo(false));
                }
            }
            Ok(recording.commit(vec![event.clone()], true))
        })?;
        if resealed {
            self.publish(&recorded);
        }
        Ok(resealed)
    }
}

/// Inserts a row, unless its number or its id exists.
async fn insert(tx: &mut Tx<'_>, key: &SigningKeyRecord, sealed: Option<&[u8]>) -> Result<bool, sqlx::Error> {
    const SQL: &str = "insert into signing_keys (number, id, algorithm, public_jwk, sealed, create_time, sign_time) \
         values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing";
    let added = within!(
        *tx,
        sqlx::query(SQL)
            .bind(key.number)
            .bind(&key.id)
            .bind(&key.algorithm)
            .bind(&key.public_jwk)
            .bind(sealed)
            .bind(key.create_time)
            .bind(key.sign_time)
    )?;
    Ok(added > 0)
}

/// Row of a signing key.
#[derive(FromRow)]
struct SigningKeyRow {
    number: i32,
    id: String,
    algorithm: String,
    public_jwk: String,
    sealed: Option<Vec<u8>>,
    create_time: Time,
    sign_time: Time,
    retire_time: Option<Time>,
    verify_until: Option<Time>,
}

impl From<SigningKeyRow> for KeyRow {
    fn from(row: SigningKeyRow) -> Self {
        let SigningKeyRow { number, id, algorithm, public_jwk, sealed, create_time, .. } = row;
        let SigningKeyRow { sign_time, retire_time, verify_until, .. } = row;
        let record =
            SigningKeyRecord { number, id, algorithm, public_jwk, create_time, sign_time, retire_time, verify_until };
        Self { record, sealed }
    }
}
