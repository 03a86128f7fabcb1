//! API keys: long-lived credentials of services, with roles and a few secrets.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};
use subtle::ConstantTimeEq as _;

use super::{ApiKeyId, Name, Roles};

/// Largest number of API keys. Each replica holds all of them in memory, at about 1 KiB each.
pub const MAX_API_KEYS: usize = 10_000;

/// Longest overlap of a rotation.
pub const MAX_OVERLAP: TimeDelta = TimeDelta::days(7);

/// Time after the end of a key at which its row is deleted.
pub const API_KEY_RETENTION: TimeDelta = TimeDelta::days(7);

/// Largest number of secrets of a key, with the current one. A rotation beyond it ends the oldest.
const MAX_SECRETS: usize = 4;

type Time = DateTime<Utc>;

/// API key of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Id of the row.
    pub id: ApiKeyId,
    /// Display name.
    pub name: String,
    /// Roles of calls with the key.
    pub roles: Roles,
    /// Services that accept the key; empty for the default ones.
    pub audiences: Vec<String>,
    /// Number of the row's version, for etags.
    pub revision: i32,
    /// Creation time.
    pub create_time: Time,
    /// Time of the last change.
    pub update_time: Time,
    /// Time from which the key is refused.
    pub expire_time: Option<Time>,
    /// Time of the revocation.
    pub revoke_time: Option<Time>,
    /// Time of a recent use.
    pub last_used_time: Option<Time>,
    /// Secrets, the current one first.
    pub secrets: Vec<ApiKeySecret>,
}

/// Secret of an API key, as its row stores it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKeySecret {
    /// Revision of the key that the secret came with.
    pub number: i32,
    /// Digest of the text that callers send.
    pub digest: ApiKeyDigest,
    /// Creation time.
    pub create_time: Time,
    /// Time from which the secret is refused; `None` for the current one.
    pub expire_time: Option<Time>,
}

/// SHA-256 of a secret. The secret has 256 random bits, so it needs no slow hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApiKeyDigest(pub [u8; 32]);

/// Version of an API key, as introspections and entries of the log name it: `gp_`, the id and the revision.
///
/// The text has the form of a signing key's id. Guards and replicas of versions without API keys treat it like one,
/// and ask again about the tokens that carry it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ApiKeyVersion {
    /// The key.
    pub id: ApiKeyId,
    /// Revision of its row.
    pub revision: i32,
}

/// Error of a text that names no version of an API key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the name of an API key's version")]
pub struct ApiKeyVersionError;

impl fmt::Display for ApiKeyVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "gp_{}_{}", self.id.as_uuid().simple(), self.revision)
    }
}

impl FromStr for ApiKeyVersion {
    type Err = ApiKeyVersionError;

    fn from_str(text: &str) -> Result<Self, ApiKeyVersionError> {
        let parts = text.strip_prefix("gp_").and_then(|rest| rest.split_once('_'));
        let (id, revision) = parts.filter(|(id, _)| id.len() == 32).ok_or(ApiKeyVersionError)?;
        let version = id.parse().ok().zip(revision.parse().ok()).map(|(id, revision)| Self { id, revision });
        version.filter(|version| version.to_string() == text).ok_or(ApiKeyVersionError)
    }
}

/// New API key, with valid fields.
#[derive(Clone, Debug)]
pub struct NewApiKey {
    /// Display name.
    pub name: Name,
    /// Roles.
    pub roles: Roles,
    /// Services that accept the key; empty for the default ones.
    pub audiences: Vec<String>,
    /// Time from which the key is refused.
    pub expire_time: Option<Time>,
}

/// Change of an API key: the fields that are set.
#[derive(Clone, Debug, Default)]
pub struct ApiKeyChange {
    /// Display name.
    pub name: Option<Name>,
    /// All roles.
    pub roles: Option<Roles>,
    /// Expiry.
    pub expiry: Option<ApiKeyExpiry>,
}

/// Expiry of an API key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiKeyExpiry {
    /// Key never expires.
    Never,
    /// Key is refused from this time on.
    At(Time),
}

/// State of an API key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiKeyState {
    /// Key is valid.
    Active,
    /// Key has expired.
    Expired,
    /// Key was revoked.
    Revoked,
}

/// Result of the check of a presented secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretCheck {
    /// Secret is valid until this time, if it ends at all.
    Valid(Option<Time>),
    /// Secret or key has expired.
    Expired,
    /// Key was revoked.
    Revoked,
    /// Key does not have this secret.
    Unknown,
}

impl ApiKeyExpiry {
    /// Returns the time, if the key expires.
    pub fn time(self) -> Option<Time> {
        match self {
            Self::Never => None,
            Self::At(time) => Some(time),
        }
    }
}

impl ApiKey {
    /// Returns a new key with its first secret.
    pub fn new(id: ApiKeyId, new: NewApiKey, digest: ApiKeyDigest, now: Time) -> Self {
        let NewApiKey { name, roles, audiences, expire_time } = new;
        Self {
            id,
            name: name.as_str().to_owned(),
            roles,
            audiences,
            revision: 1,
            create_time: now,
            update_time: now,
            expire_time,
            revoke_time: None,
            last_used_time: None,
            secrets: vec![ApiKeySecret { number: 1, digest, create_time: now, expire_time: None }],
        }
    }

    /// Returns the name of this version.
    pub fn version(&self) -> ApiKeyVersion {
        ApiKeyVersion { id: self.id, revision: self.revision }
    }

    /// Returns the state at this time.
    pub fn state(&self, now: Time) -> ApiKeyState {
        match (self.revoke_time, self.expire_time) {
            (Some(_), _) => ApiKeyState::Revoked,
            (None, Some(end)) if end <= now => ApiKeyState::Expired,
            (None, _) => ApiKeyState::Active,
        }
    }

    /// Checks a presented secret. Compares all secrets, so that the duration reveals nothing about them.
    pub fn check(&self, digest: &ApiKeyDigest, now: Time) -> SecretCheck {
        let is_same = |known: &&ApiKeySecret| bool::from(known.digest.0.ct_eq(&digest.0));
        let found = self.secrets.iter().filter(is_same).fold(None, |_, known| Some(known));
        let Some(secret) = found else { return SecretCheck::Unknown };
        let end = [self.expire_time, secret.expire_time].into_iter().flatten().min();
        match self.state(now) {
            ApiKeyState::Revoked => SecretCheck::Revoked,
            ApiKeyState::Active if end.is_none_or(|end| now < end) => SecretCheck::Valid(end),
            ApiKeyState::Active | ApiKeyState::Expired => SecretCheck::Expired,
        }
    }

    /// Returns the time at which the key is over for good, unless it is changed.
    pub fn over_time(&self) -> Option<Time> {
        [self.revoke_time, self.expire_time].into_iter().flatten().min()
    }

    /// Returns the time until which earlier secrets are valid, if there are any.
    pub fn overlap_expire_time(&self, now: Time) -> Option<Time> {
        self.secrets.iter().filter_map(|secret| secret.expire_time).max().filter(|end| now < *end)
    }

    /// Returns the key after this change.
    #[must_use]
    pub fn changed(&self, change: ApiKeyChange, now: Time) -> Self {
        let ApiKeyChange { name, roles, expiry } = change;
        let mut key = self.next(now);
        if let Some(name) = name {
            name.as_str().clone_into(&mut key.name);
        }
        if let Some(roles) = roles {
            key.roles = roles;
        }
        if let Some(expiry) = expiry {
            key.expire_time = expiry.time();
        }
        key
    }

    /// Returns the key with a new secret. Earlier secrets end after the overlap at the latest. Without an overlap, they
    /// end at once, even for a replica whose clock is behind.
    #[must_use]
    pub fn rotated(&self, digest: ApiKeyDigest, overlap: TimeDelta, now: Time) -> Self {
        let end = if overlap.is_zero() { DateTime::UNIX_EPOCH } else { now + overlap };
        let mut key = self.next(now);
        for secret in &mut key.secrets {
            secret.expire_time = Some(secret.expire_time.map_or(end, |earlier| earlier.min(end)));
        }
        key.secrets.insert(0, ApiKeySecret { number: key.revision, digest, create_time: now, expire_time: None });
        key.secrets.truncate(MAX_SECRETS);
        key
    }

    /// Returns the revoked key.
    #[must_use]
    pub fn revoked(&self, now: Time) -> Self {
        Self { revoke_time: Some(now), ..self.next(now) }
    }

    /// Returns the next version of the row.
    fn next(&self, now: Time) -> Self {
        Self { revision: self.revision + 1, update_time: now, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start() -> Time {
        DateTime::UNIX_EPOCH + TimeDelta::days(20_000)
    }

    fn at(second: i64) -> Time {
        start() + TimeDelta::seconds(second)
    }

    fn digest(number: u8) -> ApiKeyDigest {
        ApiKeyDigest([number; 32])
    }

    fn key(expire_time: Option<Time>) -> ApiKey {
        let (name, roles) = (Name::parse("export").unwrap(), Roles::from_text("editor"));
        let new = NewApiKey { name, roles, audiences: Vec::new(), expire_time };
        ApiKey::new(ApiKeyId::from_u128(1), new, digest(1), start())
    }

    #[test]
    fn version_has_the_form_of_a_key_id() {
        let version = key(None).version();
        let text = version.to_string();
        assert_eq!(text, "gp_00000000000000000000000000000001_1");
        assert_eq!(text.parse(), Ok(version));
        let long = ApiKeyVersion { id: ApiKeyId::MAX, revision: i32::MAX }.to_string();
        assert!(long.len() <= 64 && long.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'), "{long}");
        let hyphens = format!("gp_{}_1", ApiKeyId::from_u128(1));
        for other in ["", "kid-1", "gp_1_1", "gp_00000000000000000000000000000001", &format!("{text}x"), &hyphens] {
            assert!(other.parse::<ApiKeyVersion>().is_err(), "{other}");
        }
    }

    #[test]
    fn secret_is_valid_until_the_first_end() {
        let key = key(Some(at(60)));
        assert_eq!(key.check(&digest(1), at(59)), SecretCheck::Valid(Some(at(60))));
        assert_eq!(key.check(&digest(1), at(60)), SecretCheck::Expired);
        assert_eq!(key.check(&digest(2), at(0)), SecretCheck::Unknown);
        let rotated = key.rotated(digest(2), TimeDelta::seconds(10), at(1));
        assert_eq!(rotated.check(&digest(1), at(10)), SecretCheck::Valid(Some(at(11))));
        assert_eq!(rotated.check(&digest(1), at(11)), SecretCheck::Expired);
        assert_eq!(rotated.check(&digest(2), at(11)), SecretCheck::Valid(Some(at(60))));
        assert_eq!((rotated.overlap_expire_time(at(1)), rotated.overlap_expire_time(at(11))), (Some(at(11)), None));
        let never =
            rotated.changed(ApiKeyChange { expiry: Some(ApiKeyExpiry::Never), ..ApiKeyChange::default() }, at(2));
        assert_eq!(never.check(&digest(2), at(99)), SecretCheck::Valid(None));
        let revoked = never.revoked(at(3));
        assert_eq!(revoked.check(&digest(2), at(0)), SecretCheck::Revoked, "a clock behind the revocation");
        assert_eq!((revoked.over_time(), revoked.revision), (Some(at(3)), 4));
    }

    #[test]
    fn repeated_rotation_keeps_the_secret_in_use() {
        let overlap = TimeDelta::hours(1);
        // The response of the first rotation was lost.
        let twice = key(None).rotated(digest(2), overlap, at(0)).rotated(digest(3), overlap, at(60));
        assert_eq!(twice.check(&digest(1), at(61)), SecretCheck::Valid(Some(at(3600))), "no more time than promised");
        assert_eq!(twice.check(&digest(2), at(61)), SecretCheck::Valid(Some(at(3660))));
        assert_eq!(twice.check(&digest(3), at(61)), SecretCheck::Valid(None));
        let leaked = twice.rotated(digest(4), TimeDelta::zero(), at(61));
        for number in 1..=3 {
            assert_eq!(leaked.check(&digest(number), at(-86_400)), SecretCheck::Expired, "by any clock");
        }
        assert_eq!(leaked.secrets.len(), 4);
        let more = leaked.rotated(digest(5), overlap, at(62));
        assert_eq!((more.secrets.len(), more.check(&digest(1), at(62))), (4, SecretCheck::Unknown));
    }
}
