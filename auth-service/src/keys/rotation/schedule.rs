//! Background task that rotates keys by age, repairs their times and removes old ones.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use kit::shutdown::Shutdown;
use tokio::time::sleep;

use super::keyring::MAX_CLOCK_DIFFERENCE;
use super::{Keyring, KeyringError, MAX_LEAD, MAX_LIFETIME};
use crate::domain::{KeySpans, corrected_times};
use crate::keys::model::KeyType;
use crate::keys::storage::generate;
use crate::repaired::{Repaired, latest_plausible_time};
use crate::stamp::stamp;

/// Time between two rounds of the task.
const ROTATION_INTERVAL: Duration = Duration::from_mins(1);

/// Rule for the rotation of keys.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RotationSchedule {
    /// Time for which a key signs before the next one is listed; `None` means rotation by command only.
    pub(crate) max_age: Option<Duration>,
    /// Time for which the next key is listed before it signs.
    pub(crate) lead: Duration,
    /// Type of the next key.
    pub(crate) key_type: KeyType,
}

/// Trust in the clock for changes of keys.
pub(crate) struct ClockTrust {
    /// Largest clock skew.
    pub(crate) leeway: TimeDelta,
    /// Counter of keys with repaired times.
    pub(crate) repaired: Repaired,
}

/// Rotates, repairs and cleans up the keys until `stop`. Does nothing without a keyring, if a secret signs.
pub(crate) async fn run_rotation(
    keyring: Option<Arc<Keyring>>,
    schedule: RotationSchedule,
    trust: ClockTrust,
    stop: Shutdown,
) {
    let Some(keyring) = keyring else { return stop.cancelled().await };
    let rounds = async {
        loop {
            if let Err(error) = keyring.repair(&trust).await {
                tracing::warn!(%error, "wrong signing key times not repaired");
            }
            // With a fast clock, a key and its tokens would end too early.
            if keyring.clock.check_trusted(trust.leeway).is_err() {
                sleep(ROTATION_INTERVAL).await;
                continue;
            }
            match keyring.rotate_by_age(schedule).await {
                // Another replica or an operator was faster.
                Ok(()) | Err(KeyringError::Conflict | KeyringError::Waiting { .. }) => {}
                Err(error) => tracing::warn!(%error, "signing key not rotated"),
            }
            if let Err(error) = keyring.tidy().await {
                tracing::warn!(%error, "expired signing keys not removed");
            }
            sleep(ROTATION_INTERVAL).await;
        }
    };
    let _: Option<()> = stop.run_until_cancelled(Box::pin(rounds)).await;
}

impl Keyring {
    /// Corrects the times of keys that a wrong clock has set in the future.
    async fn repair(&self, trust: &ClockTrust) -> Result<(), KeyringError> {
        let now = self.clock.now();
        if !self.clock.may_repair(trust.leeway) {
            return Ok(());
        }
        let keys = self.list().await?;
        let spans = KeySpans { lead: MAX_LEAD, kept: MAX_LIFETIME + MAX_CLOCK_DIFFERENCE };
        let repaired = corrected_times(&keys, now, latest_plausible_time(now, trust.leeway), spans);
        let changed: Vec<_> =
            repaired.into_iter().zip(&keys).filter(|(new, old)| new != *old).map(|(new, _)| new).collect();
        if changed.is_empty() || !self.store.repair_signing_keys(&changed, stamp(now)).await? {
            return Ok(());
        }
        trust.repaired.add(u64::try_from(changed.len()).unwrap_or_default());
        tracing::warn!(keys = changed.len(), "future signing key times repaired, written under a wrong clock");
        Ok(self.read().await?)
    }

    /// Adds the next key once the last one has signed for long enough.
    async fn rotate_by_age(&self, schedule: RotationSchedule) -> Result<(), KeyringError> {
        let (Some(max_age), now) = (schedule.max_age, self.clock.now()) else { return Ok(()) };
        let is_young = |record: &crate::domain::SigningKeyRecord| now < record.sign_time + max_age;
        if self.list().await?.last().is_none_or(is_young) {
            return Ok(());
        }
        let pkcs8 = generate(schedule.key_type).await?;
        self.rotate(pkcs8, self.clock.now() + schedule.lead).await?;
        Ok(())
    }
}
