//! What the feed says, taken into the ledger.

use std::time::{Duration, SystemTime};

use super::super::key_names::KeyNames;
use super::super::knowledge::Knowledge;
use super::super::layers;
use crate::api::auth::v1::revocation::Target as Said;
use crate::api::auth::v1::watch_revocations_response::Message;
use crate::api::auth::v1::{KeyName, Revocation, TokenState};
use crate::ledger::{Cause, Gap, Ledger, Logged, Renewals, Target};

/// Takes a message in: the revision that the guard has come to, where it is another one now.
///
/// # Errors
/// [`Gap`] for whatever is not the next thing, or is of a kind that is not known here. The ledger knows nothing then.
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
            tracing::info!(revision = position.last.revision, "the feed of revocations begins anew");
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
                    // There were too many rows.
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
            // Of a question that has been given up.
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

/// Takes in the names of the keys that a message brings; an auth service that sends none changes nothing.
fn name_keys(knowledge: &Knowledge, keys: Vec<KeyName>) {
    if let Some(names) = KeyNames::read(keys) {
        knowledge.name_keys(Some(names));
    }
}

/// Takes the names out of an entry that is about keys.
fn keys_of(revocation: &mut Revocation) -> Vec<KeyName> {
    match &mut revocation.target {
        Some(Said::NewSigningKeys(new)) => std::mem::take(&mut new.keys),
        _ => std::mem::take(&mut revocation.keys),
    }
}

/// How long ago it was by the time of day, which nothing but this is measured by; nothing when it is still to come.
#[expect(clippy::disallowed_methods, reason = "another machine's time of day can be compared with this one's alone")]
fn age(time: SystemTime) -> Duration {
    SystemTime::now().duration_since(time).unwrap_or_default()
}

/// The row and what it revokes; `None` when this is not known here.
fn read(revocation: Revocation, digest: &mut Vec<u8>) -> Option<(Logged, Option<Target>)> {
    let row = Logged { revision: revocation.revision, mark: revocation.mark.try_into().ok()? };
    let target = match revocation.target? {
        // An API key's id is of the same kind, and stands where a session's does.
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
    fn rows_that_are_too_many_are_a_beginning_too() {
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
