//! Retirement of keys that may have leaked.

use db::patiently;

use super::keyring::record_of;
use super::{Keyring, KeyringError, MAX_LEAD};
use crate::domain::AuditKind;
use crate::keys::model::{Key, Pkcs8};
use crate::keys::storage::{KeyStorage, SigningKeyError};
use crate::stamp::stamp;
use crate::store::KeyRow;

/// Maximum tries to retire a key while other processes change the set.
const MAX_TRIES: usize = 5;

impl Keyring {
    /// Retires a key at once: its tokens are dead, and `successor` replaces it if it is the last key.
    ///
    /// With `is_lost` the private half need not open. Then nothing proves that the successor is sealed with the
    /// service's master key.
    ///
    /// # Errors
    /// [`KeyringError`].
    pub async fn retire(&self, id: &str, successor: Pkcs8, is_lost: bool) -> Result<(), KeyringError> {
        self.retire_all(&[id.to_owned()], successor, is_lost).await
    }

    /// Retires several keys like [`retire`](Self::retire). Begins with the last one, so that no key of the list signs
    /// in between. Changes nothing if one of them is unknown or cannot be opened.
    ///
    /// # Errors
    /// [`KeyringError`].
    pub async fn retire_all(&self, ids: &[String], successor: Pkcs8, is_lost: bool) -> Result<(), KeyringError> {
        let rows = patiently(|| self.store.signing_keys()).await?;
        if let Some(unknown) = ids.iter().find(|id| rows.iter().all(|row| row.record.id != **id)) {
            return Err(KeyringError::Unknown(unknown.clone()));
        }
        let doomed: Vec<_> = rows.iter().rev().filter(|row| ids.contains(&row.record.id)).collect();
        for row in &doomed {
            self.check_killable(&rows, row, is_lost)?;
        }
        for (at, row) in doomed.into_iter().enumerate() {
            let retired = self.retire_known(&row.record.id, &successor, is_lost).await;
            retired.map_err(|error| name_keys(error, ids, at))?;
        }
        Ok(())
    }

    /// Retires a key that existed a moment ago.
    async fn retire_known(&self, id: &str, successor: &Pkcs8, is_lost: bool) -> Result<(), KeyringError> {
        for attempt in 0..MAX_TRIES {
            let rows = patiently(|| self.store.signing_keys()).await;
            // An earlier attempt may have been committed.
            let rows = rows.map_err(|error| if attempt > 0 { error.or_unknown() } else { error })?;
            // The key is gone: an unanswered attempt of this call has retired it, or another process did.
            let Some(at) = rows.iter().position(|row| row.record.id == id) else { return Ok(()) };
            if self.kill(&rows, at, successor, is_lost).await? {
                return Ok(());
            }
        }
        Err(KeyringError::Conflict)
    }

    /// Fails if the key's private half was sealed with another master key. The successor would then be sealed with the
    /// wrong one.
    fn check_killable(&self, rows: &[KeyRow], row: &KeyRow, is_lost: bool) -> Result<(), KeyringError> {
        let are_sealed = rows.iter().any(|row| self.is_kept(&row.record) && row.sealed.is_some());
        if are_sealed && matches!(self.storage, KeyStorage::File(_)) {
            return Err(SigningKeyError::NoMasterKey.into());
        }
        if !self.is_kept(&row.record) {
            return Ok(());
        }
        match self.storage.open(&row.record.id, row.sealed.as_deref()) {
            Ok(_) | Err(SigningKeyError::Lost { .. } | SigningKeyError::Gone(_)) => Ok(()),
            Err(SigningKeyError::OtherMasterKey) if is_lost => Ok(()),
            Err(other) => Err(other.into()),
        }
    }

    /// Retires one of these keys. Returns `false` if the set has changed since.
    async fn kill(&self, rows: &[KeyRow], at: usize, successor: &Pkcs8, is_lost: bool) -> Result<bool, KeyringError> {
        self.check_killable(rows, &rows[at], is_lost)?;
        let record = &rows[at].record;
        let stamp = stamp(self.clock.now());
        let event = self.audit.event(AuditKind::SigningKeyRetired, self.actor.clone()).about_key(&record.id);
        if at + 1 < rows.len() {
            return Ok(patiently(|| self.store.kill_signing_key(&record.id, None, stamp, &event)).await?.is_some());
        }
        let key = Key::from_pkcs8(successor).ok_or(SigningKeyError::Garbled)?;
        // The successor of a waiting key takes over that key's start time. A wrong clock may have set the time far
        // away, so it is limited.
        let now = self.clock.now();
        let sign_time = record.sign_time.clamp(now, now + MAX_LEAD);
        let next = record_of(&key, record.number + 1, now, sign_time)?;
        let saved = self.storage.save(&key, successor).await?;
        let next = KeyRow { record: next, sealed: saved.sealed().map(<[u8]>::to_vec) };
        let event = event.with("successor", &next.record.id);
        let kill = || self.store.kill_signing_key(&record.id, Some(&next), stamp, &event);
        Ok(patiently(kill).await?.is_some())
    }
}

/// Adds the keys to the error of an unknown outcome, and how to check them. If `killed` of them are retired already, an
/// outage leaves the outcome of the others unknown too.
fn name_keys(error: KeyringError, ids: &[String], killed: usize) -> KeyringError {
    const FIND_OUT: &str =
        "run `gatepost keys list`: a key that it does not list is retired; run this again for the others";
    let error = match error {
        KeyringError::Store(error) if killed > 0 => KeyringError::Store(error.or_unknown()),
        other => other,
    };
    let (noun, verb) = if ids.len() == 1 { ("the key", "was") } else { ("all of the keys", "were") };
    error.named(|| format!("{noun} {} {verb} retired", ids.join(", ")), FIND_OUT)
}
