//! One-time codes for a new password.

use chrono::{DateTime, TimeDelta, Utc};

use super::UserId;

/// Lifetime of a code.
const CODE_LIFETIME: TimeDelta = TimeDelta::minutes(15);

/// SHA-256 of a code's secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResetDigest(pub [u8; 32]);

/// Permission to set a new password with a code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PasswordReset {
    /// User who gets the new password.
    pub user_id: UserId,
    /// Digest of the code.
    pub digest: ResetDigest,
    /// Expiry time of the code.
    pub expire_time: DateTime<Utc>,
}

impl PasswordReset {
    /// Returns a permission that begins now.
    pub fn new(user_id: UserId, digest: ResetDigest, now: DateTime<Utc>) -> Self {
        Self { user_id, digest, expire_time: now + CODE_LIFETIME }
    }

    /// Returns `true` if the code is valid at this time. A code that expires too far ahead was issued under a wrong
    /// clock, and is not valid.
    pub fn is_valid_at(&self, now: DateTime<Utc>, leeway: TimeDelta) -> bool {
        now < self.expire_time && self.expire_time <= now + CODE_LIFETIME + leeway
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_valid_for_fifteen_minutes() {
        let (start, leeway) = (DateTime::from_timestamp(1_700_000_000, 0).unwrap(), TimeDelta::seconds(5));
        let reset = PasswordReset::new(UserId::NIL, ResetDigest([1; 32]), start);
        for (seconds, is_valid) in [(-3600, false), (-6, false), (-5, true), (0, true), (899, true), (900, false)] {
            assert_eq!(reset.is_valid_at(start + TimeDelta::seconds(seconds), leeway), is_valid, "{seconds} s");
        }
    }
}
