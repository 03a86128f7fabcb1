//! Observations of clients: checks of tokens, and revocations. Times count from the start of a history.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tonic::Code;

/// The process that checked a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckPlace {
    /// A guard, by its number.
    Guard(usize),
    /// A replica of the auth service, by its number.
    Replica(usize),
}

/// The outcome of a check: of a guarded call, or of a question to the auth service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GuardedOutcome {
    /// The token was admitted.
    Admitted,
    /// The token was refused.
    Refused,
    /// The token could not be checked, or there was no answer.
    Unavailable,
    /// Another answer, which a check must never get.
    #[serde(with = "code")]
    Odd(Code),
}

/// A check of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedCall {
    /// Number of the token's session.
    pub session: usize,
    /// The process that checked the token.
    pub place: CheckPlace,
    /// Start of the call at the client.
    #[serde(rename = "begun_ns", with = "nanos")]
    pub begun: Duration,
    /// Arrival of the answer at the client.
    #[serde(rename = "ended_ns", with = "nanos")]
    pub ended: Duration,
    /// The outcome.
    pub outcome: GuardedOutcome,
}

/// A revocation. A token may have several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObservedRevocation {
    /// Number of the revoked session.
    pub session: usize,
    /// Number of the replica that was asked.
    pub replica: usize,
    /// Start of the call at the client.
    #[serde(rename = "begun_ns", with = "nanos")]
    pub begun: Duration,
    /// Arrival of the acknowledgement at the client. Without an acknowledgement, the revocation takes effect at any
    /// time after its start, or never.
    #[serde(rename = "acknowledged_ns", with = "optional_nanos")]
    pub acknowledged: Option<Duration>,
}

/// Times in whole nanoseconds.
mod nanos {
    use std::time::Duration;

    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_nanos)
    }
}

/// Times in whole nanoseconds, or null.
mod optional_nanos {
    use std::time::Duration;

    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    #[expect(clippy::ref_option, reason = "serde passes a reference to the field")]
    pub(super) fn serialize<S: Serializer>(time: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
        time.map(|time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(from)?.map(Duration::from_nanos))
    }
}

/// Codes of statuses as their numbers.
mod code {
    use serde::{Deserialize as _, Deserializer, Serializer};
    use tonic::Code;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference to the field")]
    pub(super) fn serialize<S: Serializer>(code: &Code, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_i32(i32::from(*code))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Code, D::Error> {
        i32::deserialize(from).map(Code::from_i32)
    }
}
