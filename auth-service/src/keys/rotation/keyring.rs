//! Keyring of one database: it creates the first and the next key pair, and provides the current key sets.
//!
//! Every replica reads the same rows and computes from their times which key signs (docs/decisions/0015).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use db::patiently;
use kit::Clock;

use super::KeyringError;
use super::key_changes::log_changes;
use crate::audit::AuditSource;
use crate::domain::{Actor, AuditKind, KeyState, SigningKeyRecord};
use crate::keys::model::{CurrentKeys, Key, KeyType, Member, Pkcs8, Timetable, VerifyingKey};
use crate::keys::storage::{KeyStorage, MasterKey, SigningKeyError, opened};
use crate::stamp::stamp;
use crate::store::{AuthStore, KeyRow, SealChange, StoreError};

/// Longest lifetime of a token of this service under any setting.
pub(crate) const MAX_LIFETIME: Duration = Duration::from_hours(24);

/// Largest clock skew between replicas. A token of a key that has just been retired is verified for this much longer.
pub(super) const MAX_CLOCK_DIFFERENCE: Duration = Duration::from_mins(1);

/// Time for which a private half is kept after its key has retired: clocks differ, and a backup copies the keys after
/// the database.
const PRIVATE_HALF_RETENTION: Duration = Duration::from_hours(1);

/// Longest time for which a key is listed before it signs.
pub(crate) const MAX_LEAD: Duration = Duration::from_hours(24 * 7);

/// Key pairs of one database.
pub struct Keyring {
    pub(super) store: AuthStore,
    pub(super) clock: Clock,
    pub(super) storage: KeyStorage,
    pub(super) audit: AuditSource,
    /// Party that changes the keys.
    pub(super) actor: Actor,
    keys: Arc<CurrentKeys>,
    /// Opened private halves by key id; each is opened once.
    opened: Mutex<HashMap<String, Arc<Key>>>,
    /// Keys of the last reading.
    known: Mutex<Vec<SigningKeyRecord>>,
}

impl Keyring {
    /// Makes a keyring for this database. Its keys are not read yet.
    #[must_use]
    pub fn new(store: AuthStore, clock: Clock, storage: KeyStorage) -> Self {
        let keys = Arc::new(CurrentKeys::new(Timetable::new(&[])));
        let audit = AuditSource::new(clock.clone());
        let (opened, known) = Default::default();
        Self { store, clock, storage, audit, actor: Actor::System, keys, opened, known }
    }

    /// Attributes the changes to the operator, not to the service.
    #[must_use]
    pub fn by_operator(self) -> Self {
        Self { actor: Actor::Operator, ..self }
    }

    /// Returns the current key sets.
    pub fn keys(&self) -> Arc<CurrentKeys> {
        Arc::clone(&self.keys)
    }

    /// Reads all keys, and makes the first one in an empty database. The first key has this type, unless an earlier
    /// version left a key.
    ///
    /// If an older key exists, a start never makes a new one, since that would log all users out.
    ///
    /// # Errors
    /// [`KeyringError`]; also if the signing key or the next one cannot be opened.
    pub async fn begin(&self, key_type: KeyType) -> Result<(), KeyringError> {
        let mut rows = self.rows_at_start().await?;
        if rows.is_empty() {
            let pkcs8 = self.storage.first(&self.store, key_type).await?;
            let now = self.clock.now();
            self.add(1, pkcs8, now).await?;
            rows = self.rows_at_start().await?;
        }
        self.storage.take_over(&self.store, &rows, |record| self.is_kept(record)).await?;
        let rows = self.rows_at_start().await?;
        for KeyRow { record, sealed } in &rows {
            if matches!(record.state_at(self.clock.now()), KeyState::Next | KeyState::Signing) {
                self.open(record, sealed.as_deref())?;
            }
        }
        self.storage.warn_of_old_file();
        self.publish(rows);
        Ok(())
    }

    /// Reads all keys again. A key that cannot be opened here does not sign here.
    ///
    /// # Errors
    /// [`StoreError`]; then nothing changes.
    pub async fn read(&self) -> Result<(), StoreError> {
        let rows = self.store.signing_keys().await?;
        self.publish(rows);
        Ok(())
    }

    /// Adds the key that signs from `sign_time`, in place of the last one. Returns `None` if another process has just
    /// added one.
    ///
    /// # Errors
    /// [`KeyringError`]; also while another key waits for its time to sign.
    pub async fn rotate(
        &self,
        pkcs8: Pkcs8,
        sign_time: DateTime<Utc>,
    ) -> Result<Option<SigningKeyRecord>, KeyringError> {
        let rows = self.store.signing_keys().await?;
        let KeyRow { record: last, sealed } = rows.last().ok_or(KeyringError::NoKey)?;
        if last.state_at(self.clock.now()) == KeyState::Next {
            return Err(KeyringError::Waiting { id: last.id.clone(), sign_time: last.sign_time });
        }
        // The new key must be sealed with the master key of the other replicas. To prove that, the last key is opened
        // again here, even if it is cached.
        self.storage.open(&last.id, sealed.as_deref())?;
        let key = Key::from_pkcs8(&pkcs8).ok_or(SigningKeyError::Garbled)?;
        if rows.iter().any(|row| row.record.id == key.id()) {
            return Err(KeyringError::Known(key.id().to_owned()));
        }
        if self.store.has_killed_signing_key(key.id()).await? {
            return Err(KeyringError::Killed(key.id().to_owned()));
        }
        self.add(last.number + 1, pkcs8, sign_time).await
    }

    /// Returns all key pairs in the order of signing.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn list(&self) -> Result<Vec<SigningKeyRecord>, StoreError> {
        Ok(self.store.signing_keys().await?.into_iter().map(|row| row.record).collect())
    }

    /// Deletes the private halves of keys that no longer sign, and the whole rows of keys without live tokens.
    ///
    /// # Errors
    /// [`KeyringError`].
    pub async fn tidy(&self) -> Result<(), KeyringError> {
        let now = self.clock.now();
        for KeyRow { record, sealed } in self.store.signing_keys().await? {
            if record.state_at(now) == KeyState::Over {
                self.store.forget_signing_key(&record.id, now).await?;
            } else if !self.is_kept(&record) && sealed.is_some() {
                self.store.wipe_signing_key(&record.id, now).await?;
            }
        }
        Ok(self.storage.tidy(&self.store, |record| self.is_kept(record)).await?)
    }

    /// Reseals the private halves of the old master key with the current one. Returns their number.
    ///
    /// # Errors
    /// [`KeyringError`]. Nothing is resealed then, except perhaps with [`KeyringError::OutcomeUnknown`].
    pub async fn reseal(&self, old: &MasterKey) -> Result<usize, KeyringError> {
        let KeyStorage::Sealed { master, .. } = &self.storage else { return Err(SigningKeyError::NoMasterKey.into()) };
        let mut seals = Vec::new();
        for KeyRow { record, sealed } in self.store.signing_keys().await? {
            let Some(sealed) = sealed else { continue };
            if opened(master, &record.id, &sealed).is_ok() {
                continue;
            }
            let (_, pkcs8) = opened(old, &record.id, &sealed).map_err(|_| KeyringError::OldMasterKey)?;
            let to = master.seal(&record.id, &pkcs8);
            seals.push(SealChange { id: record.id, from: sealed, to });
        }
        if seals.is_empty() {
            return Ok(0);
        }
        let event = self.audit.event(AuditKind::SigningKeysResealed, self.actor.clone());
        let event = event.with("keys", &seals.len().to_string());
        let resealed = self.store.reseal_signing_keys(&seals, &event).await.map_err(|error| {
            KeyringError::from(error).named(
                || "the keys were resealed".to_owned(),
                "run this again with the same two master keys, which does no harm; keep both until it has succeeded",
            )
        })?;
        if resealed { Ok(seals.len()) } else { Err(KeyringError::Conflict) }
    }

    async fn rows_at_start(&self) -> Result<Vec<KeyRow>, StoreError> {
        patiently(|| self.store.signing_keys()).await
    }

    /// Adds a key. The private half is stored first, so that no row lacks it.
    async fn add(
        &self,
        number: i32,
        pkcs8: Pkcs8,
        sign_time: DateTime<Utc>,
    ) -> Result<Option<SigningKeyRecord>, KeyringError> {
        let key = Key::from_pkcs8(&pkcs8).ok_or(SigningKeyError::Garbled)?;
        let now = self.clock.now();
        let record = record_of(&key, number, now, sign_time)?;
        let saved = self.storage.save(&key, &pkcs8).await?;
        let verify_until = sign_time + MAX_LIFETIME + MAX_CLOCK_DIFFERENCE;
        let event = self.audit.event(AuditKind::SigningKeyAdded, self.actor.clone()).about_key(&record.id);
        let event = event.with("sign_time", &time_text(sign_time));
        let add = || self.store.add_signing_key(&record, saved.sealed(), verify_until, stamp(now), &event);
        // Each number belongs to one key, so the insert can be retried.
        let added = async {
            let added = patiently(add).await?;
            // An earlier try may have been committed.
            Ok(added.is_some() || self.has(&record.id).await.map_err(StoreError::or_unknown)?)
        };
        let is_added = added.await.map_err(|error: StoreError| {
            KeyringError::from(error).named(
                || format!("the key {} was added", record.id),
                "run `gatepost keys list`: if it lists this key, the key was added; if not, run this again",
            )
        })?;
        if !is_added {
            return Ok(None);
        }
        self.opened().insert(record.id.clone(), Arc::new(key));
        Ok(Some(record))
    }

    /// Returns true if the database has this key, for example from a commit whose answer was lost.
    async fn has(&self, id: &str) -> Result<bool, StoreError> {
        let rows = patiently(|| self.store.signing_keys()).await?;
        Ok(rows.iter().any(|row| row.record.id == id))
    }

    /// Returns true if the private half is still needed.
    pub(super) fn is_kept(&self, record: &SigningKeyRecord) -> bool {
        record.retire_time.is_none_or(|retired| self.clock.now() < retired + PRIVATE_HALF_RETENTION)
    }

    /// Opens a key, or returns it from the cache.
    fn open(&self, record: &SigningKeyRecord, sealed: Option<&[u8]>) -> Result<Arc<Key>, SigningKeyError> {
        if let Some(key) = self.opened().get(&record.id) {
            return Ok(Arc::clone(key));
        }
        let key = self.storage.open(&record.id, sealed)?;
        self.opened().insert(record.id.clone(), Arc::clone(&key));
        Ok(key)
    }

    /// Activates these keys, and drops the private halves of all others from memory.
    fn publish(&self, rows: Vec<KeyRow>) {
        let records: Vec<_> = rows.iter().map(|row| row.record.clone()).collect();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        log_changes(&known, &records, self.clock.now());
        *known = records;
        drop(known);
        let members: Vec<_> = rows.into_iter().filter_map(|row| self.member(row)).collect();
        self.opened().retain(|id, _| members.iter().any(|member| member.key.is_some() && member.record.id == *id));
        self.keys.replace(Timetable::new(&members));
    }

    fn member(&self, KeyRow { record, sealed }: KeyRow) -> Option<Member> {
        let key = if self.is_kept(&record) {
            let opened = self.open(&record, sealed.as_deref());
            if let Err(error) = &opened
                && record.state_at(self.clock.now()) != KeyState::Retired
            {
                tracing::error!(key = record.id, %error, "signing key cannot be opened: no token can be signed with it");
            }
            opened.ok()
        } else {
            None
        };
        let verifying = match &key {
            Some(key) => Arc::clone(key.verifying()),
            None => match VerifyingKey::from_jwk(&record.public_jwk) {
                Ok(verifying) => Arc::new(verifying),
                Err(error) => {
                    tracing::error!(key = record.id, %error, "bad signing key in the database: restore it from a backup");
                    return None;
                }
            },
        };
        Some(Member { record, key, verifying })
    }

    fn opened(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Key>>> {
        self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns a time in the form of the audit log's details.
fn time_text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Returns the record of a new key, which has not retired.
pub(super) fn record_of(
    key: &Key,
    number: i32,
    create_time: DateTime<Utc>,
    sign_time: DateTime<Utc>,
) -> Result<SigningKeyRecord, SigningKeyError> {
    let public = key.public().ok_or(SigningKeyError::Garbled)?;
    Ok(SigningKeyRecord {
        number,
        id: public.id,
        algorithm: public.algorithm.to_owned(),
        public_jwk: public.jwk,
        create_time,
        sign_time,
        retire_time: None,
        verify_until: None,
    })
}
