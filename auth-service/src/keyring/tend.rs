//! Rotation by age, and what is over, in the background.

use std::sync::Arc;
use std::time::Duration;

use kit::shutdown::Shutdown;
use tokio::time::sleep;

use super::custody::generate;
use super::{Keyring, KeyringError};
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

/// Sees to the keys again and again until it is told to stop.
pub(crate) async fn tend(keyring: Option<Arc<Keyring>>, rotation: Rotation, stop: Shutdown) {
    let Some(keyring) = keyring else { return };
    let tending = async {
        loop {
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
