//! The background task that rotates keys by age, repairs their times and removes old ones.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use kit::shutdown::Shutdown;
use tokio::time::sleep;

use super::keyring::MAX_CLOCK_DIFFERENCE;
use super::{Keyring, KeyringError, MAX_LEAD, MAX_LIFETIME};
use crate::domain::corrected_times;
use crate::keys::model::KeyType;
use crate::keys::storage::generate;
use crate::repaired::{Repaired, latest_believed};
use crate::stamp::stamp;

/// Time between two rounds of the task.
const ROTATION_INTERVAL: Duration = Duration::from_mins(1);

/// The rule by which one key follows another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RotationSchedule {
    /// The time for which a key signs before the next one is listed; `None`: until a command says so.
    pub(crate) max_age: Option<Duration>,
    /// The time for which the next one is listed before it signs.
    pub(crate) lead: Duration,
    /// The type of the next one.
    pub(crate) key_type: KeyType,
}

/// The trust in the clock where keys are concerned.
pub(crate) struct ClockTrust {
    /// The greatest difference between clocks.
    pub(crate) leeway: TimeDelta,
    /// Counts the keys whose times were repaired.
    pub(crate) repaired: Repaired,
}

/// Rotates the keys by age, repairs and tidies them until it is told to stop. A secret, without a keyring, needs none of it.
pub(crate) async fn run_rotation(
    keyring: Option<Arc<Keyring>>,
    schedule: RotationSchedule,
    trust: ClockTrust,
    stop: Shutdown,
) {
    let Some(keyring) = keyring else { return };
    let rounds = async {
        loop {
            if let Err(error) = keyring.repair(&trust).await {
                tracing::warn!("signing keys with times of a wrong clock stay for now: {error}");
            }
            // A key that goes too early takes its tokens along.
            if keyring.clock.check_trusted(trust.leeway).is_err() {
                sleep(ROTATION_INTERVAL).await;
                continue;
            }
            match keyring.rotate_by_age(schedule).await {
                // Another replica was faster, or an operator.
                Ok(()) | Err(KeyringError::Outrun | KeyringError::Waiting { .. }) => {}
                Err(error) => tracing::warn!("the signing key is not rotated for now: {error}"),
            }
            if let Err(error) = keyring.tidy().await {
                tracing::warn!("signing keys that are over stay for now: {error}");
            }
            sleep(ROTATION_INTERVAL).await;
        }
    };
    let _: Option<()> = stop.run_until_cancelled(Box::pin(rounds)).await;
}

impl Keyring {
    /// Gives keys that a wrong clock has made in the future the times that they would have by now.
    async fn repair(&self, trust: &ClockTrust) -> Result<(), KeyringError> {
        let now = self.clock.now();
        if !self.clock.may_repair(trust.leeway) {
            return Ok(());
        }
        let keys = self.list().await?;
        let repaired = corrected_times(
            &keys,
            now,
            latest_believed(now, trust.leeway),
            (MAX_LIFETIME + MAX_CLOCK_DIFFERENCE, MAX_LEAD),
        );
        let changed: Vec<_> =
            repaired.into_iter().zip(&keys).filter(|(new, old)| new != *old).map(|(new, _)| new).collect();
        if changed.is_empty() || !self.store.repair_signing_keys(&changed, stamp(now)).await? {
            return Ok(());
        }
        trust.repaired.add(u64::try_from(changed.len()).unwrap_or_default());
        tracing::warn!(
            keys = changed.len(),
            "signing keys had times that have not come, of a wrong clock: they are cut"
        );
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
        if let Some(next) = self.rotate(pkcs8, self.clock.now() + schedule.lead).await? {
            tracing::info!(key = next.id, "a new signing key is listed, and signs from {} on", next.sign_time);
        }
        Ok(())
    }
}
