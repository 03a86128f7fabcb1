//! What guards are told, as it stands on the wire.

use std::time::Duration;

use gatepost::api::auth::v1;
use gatepost::api::auth::v1::revocation::Target;
use gatepost::api::auth::v1::watch_revocations_response::Message;
use kit::serve::Limits;

use super::{position, time};
use crate::domain::{Cause, Entry, Revocation};
use crate::feed::Said;

/// How often a guard asks whether it has missed something.
const RENEW_INTERVAL: Duration = Duration::from_millis(500);

/// How the feed is to be used: the next stream is opened well before the connection's age ends this one.
pub(crate) fn greeting(digest: Vec<u8>) -> v1::WatchRevocationsResponse {
    let (age, _) = Limits::default().connection_age;
    say(Message::Greeting(v1::Greeting {
        renew_interval: prost_types::Duration::try_from(RENEW_INTERVAL).ok(),
        reopen_after: prost_types::Duration::try_from(age * 4 / 5).ok(),
        digest,
    }))
}

/// What a guard is told of the log, and of the keys by the digest as it is then.
pub(crate) fn said(said: Said, digest: impl FnOnce() -> Vec<u8>) -> v1::WatchRevocationsResponse {
    say(match said {
        Said::Reset(to) => Message::Reset(v1::Reset { position: Some(position(to)) }),
        Said::Revocation(entry) => Message::Revocation(revocation(entry, digest)),
        Said::Renewal(nonce, at) => Message::Renewal(v1::Renewal { nonce, position: Some(position(at)) }),
    })
}

fn revocation(entry: Entry, digest: impl FnOnce() -> Vec<u8>) -> v1::Revocation {
    let target = match entry.revocation {
        Revocation::Session(id) => Target::SessionId(id.to_string()),
        Revocation::User { id, generation, cause } => {
            Target::User(v1::UserRevocation { user_id: id.to_string(), generation, state: state_of(cause).into() })
        }
        Revocation::SigningKey(id) => Target::SigningKeyId(id),
        // A start is told as a reset: here it has only its place.
        Revocation::NewSigningKeys | Revocation::Start => {
            Target::NewSigningKeys(v1::NewSigningKeys { digest: digest() })
        }
        Revocation::ApiKey(id) => Target::ApiKeyId(id.to_string()),
    };
    v1::Revocation {
        revision: entry.logged.revision,
        mark: entry.logged.mark.0.to_vec(),
        target: Some(target),
        create_time: Some(time(entry.time)),
    }
}

fn state_of(cause: Cause) -> v1::TokenState {
    match cause {
        Cause::Ended => v1::TokenState::Revoked,
        Cause::Disabled => v1::TokenState::UserDisabled,
        Cause::Deleted => v1::TokenState::UserDeleted,
    }
}

fn say(message: Message) -> v1::WatchRevocationsResponse {
    v1::WatchRevocationsResponse { message: Some(message) }
}
