//! Rotation of the signing key pairs.

use std::time::Duration;

use clap::builder::PossibleValue;
use clap::{Args, ValueEnum};
use kit::config::{ConfigError, duration};

use crate::keys::model::KeyType;
use crate::keys::rotation::{MAX_LEAD, RotationSchedule};

/// Time for which the next key is listed before it signs, so that caches of the key set have it by then.
pub(crate) const LEAD: std::ops::RangeInclusive<Duration> = Duration::from_secs(10)..=MAX_LEAD;

/// Shortest time for which a key signs. After it each key stays in the set for another day, so short times would make a
/// large set.
const MIN_AGE: Duration = Duration::from_hours(1);

/// Flags of the key rotation. They have no effect while `JWT_SECRET_KEY` signs.
#[derive(Clone, Debug, Args)]
pub struct KeyFlags {
    /// Time for which a key signs until the next one replaces it, at least 1h; 0: until `gatepost keys rotate`
    #[arg(long, env = "AUTH_SIGNING_KEY_MAX_AGE", default_value = "90d", value_parser = duration, hide_env_values = true)]
    pub signing_key_max_age: Duration,
    /// Time for which the next key is listed before it signs, 10s to 7d
    #[arg(long, env = "AUTH_SIGNING_KEY_LEAD", default_value = "10m", value_parser = duration, hide_env_values = true)]
    pub signing_key_lead: Duration,
    /// Algorithm of new keys: Ed25519, ECDSA on P-256, or RSA with 3072 bits
    #[arg(long, env = "AUTH_SIGNING_ALGORITHM", default_value = "eddsa", hide_env_values = true)]
    pub signing_algorithm: KeyType,
}

impl KeyFlags {
    /// Returns the rotation schedule.
    pub(crate) fn rotation(&self) -> RotationSchedule {
        RotationSchedule {
            max_age: Some(self.signing_key_max_age).filter(|age| !age.is_zero()),
            lead: self.signing_key_lead,
            key_type: self.signing_algorithm,
        }
    }

    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let age = self.signing_key_max_age;
        if !age.is_zero() && age < MIN_AGE {
            return Err(ConfigError::setting(
                "--signing-key-max-age (AUTH_SIGNING_KEY_MAX_AGE)",
                "must be at least 1h, or 0",
            ));
        }
        check_lead("--signing-key-lead (AUTH_SIGNING_KEY_LEAD)", self.signing_key_lead)
    }
}

/// Fails if the lead is too short for caches of the key set, or unreasonably long.
pub(crate) fn check_lead(name: &str, lead: Duration) -> Result<(), ConfigError> {
    if LEAD.contains(&lead) { Ok(()) } else { Err(ConfigError::setting(name, "must be from 10s to 7d")) }
}

impl ValueEnum for KeyType {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let (name, help) = match self {
            Self::Ed25519 => ("eddsa", "Ed25519, for `EdDSA`"),
            Self::P256 => ("es256", "ECDSA on the curve P-256, for `ES256`"),
            Self::Rsa => {
                ("rs256", "RSA of 2048 to 8192 bits with the exponent 65537, for `RS256`; new ones have 3072 bits")
            }
        };
        Some(PossibleValue::new(name).help(help))
    }
}
