//! Applies the feed's messages to the revocation state.

use std::time::{Duration, SystemTime};

use super::super::key_names::KeyNames;
use super::super::layers;
use super::super::shared_revocation_state::SharedRevocationState;
use crate::api::auth::v1::revocation::Target as WireTarget;
use crate::api::auth::v1::watch_revocations_response::Message;
use crate::api::auth::v1::{KeyName, Revocation, TokenState};
use crate::revocation_state::{Gap, LogEntry, Renewals, RevocationCause, RevocationState, RevocationTarget};

/// Applies a message. Returns the guard's new log revision, if the message changes it.
///
/// # Errors
/// [`Gap`] means that the message is out of order or unknown. The revocation state has then dropped all its state.
pub(crate) fn apply(
    revocation_state: &SharedRevocationState,
    renewals: &mut Renewals,
    digest: &mut Vec<u8>,
    message: Option<Message>,
) -> Result<Option<i64>, Gap> {
    let counters = revocation_state.metrics().counters();
    let taken = match message {
        Some(Message::Reset(reset)) => reset.position.as_ref().and_then(layers::position).map(|position| {
            set_key_names(revocation_state, reset.keys);
            tracing::info!(revision = position.last.revision, "revocation feed reset: cache dropped");
            revocation_state.write(|state, now| state.reset(position, now));
            counters.resets.one();
            Some(position.last.revision)
        }),
        Some(Message::Revocation(mut revocation)) => {
            let written = revocation.create_time.and_then(layers::read_time);
            if let Some(WireTarget::SigningKeyId(_) | WireTarget::NewSigningKeys(_)) = &revocation.target {
                set_key_names(revocation_state, keys_of(&mut revocation));
            }
            read(revocation, digest).and_then(|ReadRevocation { entry, target }| {
                let revoke =
                    |state: &mut RevocationState, now| state.revoke(entry, target, now).map(|()| state.entries());
                if revocation_state.write(revoke).ok()? == 0 {
                    // The revocation state was full and has reset itself.
                    counters.resets.one();
                }
                if let Some(written) = written {
                    counters.lag.record(age(written));
                }
                Some(Some(entry.revision))
            })
        }
        Some(Message::Renewal(renewal)) => match renewals.answered(renewal.nonce) {
            Some(sent) => renewal.position.as_ref().and_then(layers::position).and_then(|position| {
                revocation_state.write(|state, now| state.renew(position, sent, now)).ok()?;
                counters.renewals.one();
                Some(None)
            }),
            // The stream no longer remembers this request.
            None => Some(None),
        },
        Some(Message::Greeting(_)) | None => None,
    };
    taken.ok_or_else(|| {
        counters.gaps.one();
        revocation_state.write(RevocationState::clear);
        Gap
    })
}

/// Takes the key list from a message. An auth service that sends no keys changes nothing.
fn set_key_names(revocation_state: &SharedRevocationState, keys: Vec<KeyName>) {
    if let Some(names) = KeyNames::read(keys) {
        revocation_state.set_key_names(Some(names));
    }
}

/// Takes the key list from an entry about keys.
fn keys_of(revocation: &mut Revocation) -> Vec<KeyName> {
    match &mut revocation.target {
        Some(WireTarget::NewSigningKeys(new)) => std::mem::take(&mut new.keys),
        _ => std::mem::take(&mut revocation.keys),
    }
}

/// Returns the age of another machine's timestamp by the time of day; zero for a future time.
#[expect(clippy::disallowed_methods, reason = "a time of day from another machine compares only with this machine's")]
fn age(time: SystemTime) -> Duration {
    SystemTime::now().duration_since(time).unwrap_or_default()
}

/// A revocation as the revocation state takes it.
struct ReadRevocation {
    entry: LogEntry,
    /// Revoked tokens; `None` for an entry that revokes no token.
    target: Option<RevocationTarget>,
}

/// Converts a message to its log entry and target; `None` if this version does not know it.
fn read(revocation: Revocation, digest: &mut Vec<u8>) -> Option<ReadRevocation> {
    let entry = LogEntry { revision: revocation.revision, fingerprint: revocation.mark.try_into().ok()? };
    let target = match revocation.target? {
        // Not sent by this version: an API key that changes is named by its version, as a signing key.
        WireTarget::SessionId(id) | WireTarget::ApiKeyId(id) => Some(RevocationTarget::Session(id.into())),
        WireTarget::User(user) => {
            let cause = match user.state() {
                TokenState::Revoked => RevocationCause::Revoked,
                TokenState::UserDisabled => RevocationCause::Disabled,
                TokenState::UserDeleted => RevocationCause::Deleted,
                _ => return None,
            };
            Some(RevocationTarget::User { id: user.user_id.into(), generation: user.generation, cause })
        }
        WireTarget::SigningKeyId(id) => Some(RevocationTarget::SigningKey(id.into())),
        WireTarget::NewSigningKeys(new) => {
            *digest = new.digest;
            None
        }
    };
    Some(ReadRevocation { entry, target })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Uptime;
    use crate::api::auth::v1::{NewSigningKeys, Position, Reset};

    #[test]
    fn full_state_counts_as_a_reset() {
        let revocation_state = SharedRevocationState::with_state(RevocationState::new(1), Uptime::manual());
        let apply = |message| apply(&revocation_state, &mut Renewals::default(), &mut Vec::new(), Some(message));
        let entry = |revision| {
            let target = Some(WireTarget::NewSigningKeys(NewSigningKeys::default()));
            Message::Revocation(Revocation { revision, mark: vec![2; 16], target, ..Revocation::default() })
        };
        let position = Position { log_id: vec![1; 16], revision: 3, mark: vec![2; 16] };
        for (message, revision, resets) in [
            (Message::Reset(Reset { position: Some(position), keys: Vec::new() }), 3, 1),
            (entry(4), 4, 1),
            (entry(5), 5, 2),
            (entry(6), 6, 2),
        ] {
            assert_eq!(apply(message), Ok(Some(revision)));
            assert_eq!(revocation_state.metrics().read().resets, resets, "{revision}");
        }
    }
}
