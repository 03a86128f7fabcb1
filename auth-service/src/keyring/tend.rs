//! Rotation by age, and what is over, in the background.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use kit::shutdown::Shutdown;
use tokio::time::sleep;

use super::custody::generate;
use super::{APART, Keyring, KeyringError, MAX_LEAD, MAX_LIFETIME};
use crate::domain::believed;
use crate::stamp::stamp;
use crate::sweep::{Repaired, future};
use crate::tokens::KeyType;

/// How often it is looked whether there is something to do.
const EVERY: Duration = Duration::from_mins(1);

/// When a key is followed by another one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rotation {
    /// How long a key signs before the next one is listed; `None`: until a command says so.
    pub(crate) max_age: Option<Duration>,
    /// For how long the next one is listed before it signs.
    pub(crate) lead: Duration,
    /// What the next one is.
    pub(crate) of: KeyType,
}

/// The trust in the clock where keys are concerned.
pub(crate) struct Trust {
    /// The greatest difference between clocks.
    pub(crate) leeway: TimeDelta,
    /// Counts the keys whose times were repaired.
    pub(crate) repaired: Repaired,
}

/// Sees to the keys again and again until it is told to stop.
pub(crate) async fn tend(keyring: Option<Arc<Keyring>>, rotation: Rotation, trust: Trust, stop: Shutdown) {
    let Some(keyring) = keyring else { return };
    let tending = async {
        loop {
            if let Err(error) = keyring.repair(&trust).await {
                tracing::warn!("signing keys with times of a wrong clock stay for now: {error}");
            }
            // A key that goes too early takes its tokens along.
            if keyring.clock.check_trusted(trust.leeway).is_err() {
                sleep(EVERY).await;
                continue;
            }
            match keyring.follow_by_age(rotation).await {
                // Another replica was faster, or an operator.
                Ok(()) | Err(KeyringError::Outrun | KeyringError::Waiting { .. }) => {}
                Err(error) => tracing::warn!("the signing key is not rotated for now: {error}"),
            }
            if let Err(error) = keyring.tidy().await {
                tracing::warn!("signing keys that are over stay for now: {error}");
            }
            sleep(EVERY).await;
        }
    };
    let _: Option<()> = stop.run_until_cancelled(Box::pin(tending)).await;
}

impl Keyring {
    /// Gives keys that a wrong clock has made in the future the times that they would have by now.
    async fn repair(&self, trust: &Trust) -> Result<(), KeyringError> {
        let now = self.clock.now();
        if !self.clock.may_repair(trust.leeway) {
            return Ok(());
        }
        let keys = self.list().await?;
        let repaired = believed(&keys, now, future(now, trust.leeway), (MAX_LIFETIME + APART, MAX_LEAD));
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

    /// Lets another key follow once the last one has signed for long enough.
    async fn follow_by_age(&self, rotation: Rotation) -> Result<(), KeyringError> {
        let (Some(max_age), now) = (rotation.max_age, self.clock.now()) else { return Ok(()) };
        let is_young = |record: &crate::domain::SigningKeyRecord| now < record.sign_time + max_age;
        if self.list().await?.last().is_none_or(is_young) {
            return Ok(());
        }
        let pkcs8 = generate(rotation.of).await?;
        if let Some(next) = self.follow(pkcs8, self.clock.now() + rotation.lead).await? {
            tracing::info!(key = next.id, "a new signing key is listed, and signs from {} on", next.sign_time);
        }
        Ok(())
    }
}
