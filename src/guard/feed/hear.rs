//! Applies the feed's messages to the ledger.

use std::time::{Duration, SystemTime};

use super::super::key_names::KeyNames;
use super::super::knowledge::Knowledge;
use super::super::layers;
use crate::api::auth::v1::revocation::Target as Said;
use crate::api::auth::v1::watch_revocations_response::Message;
use crate::api::auth::v1::{KeyName, Revocation, TokenState};
use crate::ledger::{Cause, Gap, Ledger, Logged, Renewals, Target};

/// Applies a message. Returns the guard's new log revision, if the message changes it.
///
/// # Errors
/// [`Gap`] means that the message is out of order or unknown. The ledger has then dropped all its state.
pub(super) fn hear(
    knowledge: &Knowledge,
    renewals: &mut Renewals,
    digest: &mut Vec<u8>,
    message: Option<Message>,
) -> Result<Option<i64>, Gap> {
    let counters = knowledge.metrics().counters();
    let taken = match message {
        Some(Message::Reset(reset)) => reset.position.as_ref().and_then(layers::position).map(|position| {
            name_keys(knowledge, reset.keys);
            tracing::info!(revision = position.last.revision, "revocation feed reset: known verdicts are dropped");
            knowledge.write(|ledger, now| ledger.reset(position, now));
            counters.resets.one();
            Some(position.last.revision)
        }),
        Some(Message::Revocation(mut revocation)) => {
            let written = revocation.create_time.and_then(layers::read_time);
            if let Some(Said::SigningKeyId(_) | Said::NewSigningKeys(_)) = &revocation.target {
                name_keys(knowledge, keys_of(&mut revocation));
            }
            read(revocation, digest).and_then(|(row, target)| {
                let revoke = |ledger: &mut Ledger, now| ledger.revoke(row, target, now).map(|()| ledger.rows());
                if knowledge.write(revoke).ok()? == 0 {
                    // The ledger was full and has reset itself.
                    counters.resets.one();
                }
                if let Some(written) = written {
                    counters.lag.record(age(written));
                }
                Some(Some(row.revision))
            })
        }
        Some(Message::Renewal(renewal)) => match renewals.answered(renewal.nonce) {
            Some(sent) => renewal.position.as_ref().and_then(layers::position).and_then(|position| {
                knowledge.write(|ledger, now| ledger.renew(position, sent, now)).ok()?;
                counters.renewals.one();
                Some(None)
            }),
            // The request of this renewal was given up.
            None => Some(None),
        },
        Some(Message::Greeting(_)) | None => None,
    };
    taken.ok_or_else(|| {
        counters.gaps.one();
        knowledge.write(Ledger::lose);
        Gap
    })
}

/// Takes the key list from a message. An auth service that sends no keys changes nothing.
fn name_keys(knowledge: &Knowledge, keys: Vec<KeyName>) {
    if let Some(names) = KeyNames::read(keys) {
        knowledge.name_keys(Some(names));
    }
}

/// Takes the key list from an entry about keys.
fn keys_of(revocation: &mut Revocation) -> Vec<KeyName> {
    match &mut revocation.target {
        Some(Said::NewSigningKeys(new)) => std::mem::take(&mut new.keys),
        _ => std::mem::take(&mut revocation.keys),
    }
}

/// Returns the age of another machine's timestamp by the time of day; zero for a future time.
#[expect(clippy::disallowed_methods, reason = "a time of day from another machine compares only with this machine's")]
fn age(time: SystemTime) -> Duration {
    SystemTime::now().duration_since(time).unwrap_or_default()
}

/// Converts an entry to its row and revocation; `None` if this version does not know it.
fn read(revocation: Revocation, digest: &mut Vec<u8>) -> Option<(Logged, Option<Target>)> {
    let row = Logged { revision: revocation.revision, mark: revocation.mark.try_into().ok()? };
    let target = match revocation.target? {
        // API key ids have the same form as session ids and take their place.
        Said::SessionId(id) | Said::ApiKeyId(id) => Some(Target::Session(id.into())),
        Said::User(user) => {
            let cause = match user.state() {
                TokenState::Revoked => Cause::Revoked,
                TokenState::UserDisabled => Cause::Disabled,
                TokenState::UserDeleted => Cause::Deleted,
                _ => return None,
            };
            Some(Target::User { id: user.user_id.into(), generation: user.generation, cause })
        }
        Said::SigningKeyId(id) => Some(Target::SigningKey(id.into())),
        Said::NewSigningKeys(new) => {
            *digest = new.digest;
            None
        }
    };
    Some((row, target))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Uptime;
    use crate::api::auth::v1::{NewSigningKeys, Position, Reset};

    #[test]
    fn full_ledger_counts_as_a_reset() {
        let knowledge = Knowledge::over(Ledger::new(1), Uptime::manual());
        let hear = |message| hear(&knowledge, &mut Renewals::default(), &mut Vec::new(), Some(message));
        let row = |revision| {
            let target = Some(Said::NewSigningKeys(NewSigningKeys::default()));
            Message::Revocation(Revocation { revision, mark: vec![2; 16], target, ..Revocation::default() })
        };
        let position = Position { log_id: vec![1; 16], revision: 3, mark: vec![2; 16] };
        for (message, revision, resets) in [
            (Message::Reset(Reset { position: Some(position), keys: Vec::new() }), 3, 1),
            (row(4), 4, 1),
            (row(5), 5, 2),
            (row(6), 6, 2),
        ] {
            assert_eq!(hear(message), Ok(Some(revision)));
            assert_eq!(knowledge.metrics().read().resets, resets, "{revision}");
        }
    }
}
