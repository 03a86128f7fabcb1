//! Log lines about changes of the key set, by an operator, another replica or this process.

use chrono::{DateTime, Utc};

use crate::domain::{KeyState, SigningKeyRecord};

/// Logs the differences between two readings of the key set. Logs nothing after the first reading.
pub(super) fn log_changes(before: &[SigningKeyRecord], after: &[SigningKeyRecord], now: DateTime<Utc>) {
    if before.is_empty() {
        return;
    }
    for key in after {
        match before.iter().find(|earlier| earlier.id == key.id) {
            None => tracing::info!(key = key.id, algorithm = key.algorithm, sign_time = %key.sign_time,
                "signing key added"),
            Some(earlier) if earlier.sign_time != key.sign_time => {
                tracing::info!(key = key.id, sign_time = %key.sign_time, "start of a signing key moved");
            }
            Some(_) => {}
        }
    }
    for key in before.iter().filter(|key| after.iter().all(|later| later.id != key.id)) {
        if key.state_at(now) == KeyState::Over {
            tracing::info!(key = key.id, "expired signing key removed");
        } else {
            tracing::warn!(key = key.id, "signing key retired by an operator: its tokens are refused");
        }
    }
}
