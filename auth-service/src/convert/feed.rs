//! Converts feed events to wire messages.

use std::time::Duration;

use gatepost::api::auth::v1;
use gatepost::api::auth::v1::revocation::Target;
use gatepost::api::auth::v1::watch_revocations_response::Message;
use kit::serve::ServerLimits;

use super::{position, time};
use crate::app::watch::{FeedKey, FeedKeys};
use crate::domain::{Cause, Entry, Revocation};
use crate::feed::FeedEvent;

/// Time between two requests of a guard for a renewal.
const RENEW_INTERVAL: Duration = Duration::from_millis(500);

/// Returns the greeting of the feed. It tells the guard to open the next stream before the connection's age ends this one.
pub(crate) fn greeting(FeedKeys { digest, names }: FeedKeys) -> v1::WatchRevocationsResponse {
    let (age, _) = ServerLimits::default().connection_age;
    say(Message::Greeting(v1::Greeting {
        renew_interval: prost_types::Duration::try_from(RENEW_INTERVAL).ok(),
        reopen_after: prost_types::Duration::try_from(age * 4 / 5).ok(),
        digest,
        keys: key_names(names),
    }))
}

fn key_names(names: Vec<FeedKey>) -> Vec<v1::KeyName> {
    let name = |key: FeedKey| v1::KeyName { id: key.id, algorithm: key.algorithm.name().to_owned() };
    names.into_iter().map(name).collect()
}

/// Converts a feed event, with the current keys.
pub(crate) fn feed_event(event: FeedEvent, keys: impl FnOnce() -> FeedKeys) -> v1::WatchRevocationsResponse {
    say(match event {
        FeedEvent::Reset(to) => {
            Message::Reset(v1::Reset { position: Some(position(to)), keys: key_names(keys().names) })
        }
        FeedEvent::Revocation(entry) => Message::Revocation(revocation(entry, keys)),
        FeedEvent::Renewal(nonce, at) => Message::Renewal(v1::Renewal { nonce, position: Some(position(at)) }),
    })
}

fn revocation(entry: Entry, keys: impl FnOnce() -> FeedKeys) -> v1::Revocation {
    let mut names = Vec::new();
    let target = match entry.revocation {
        Revocation::Session(id) => Target::SessionId(id.to_string()),
        Revocation::User { id, generation, cause } => {
            Target::User(v1::UserRevocation { user_id: id.to_string(), generation, state: state_of(cause).into() })
        }
        Revocation::SigningKey(id) => {
            names = key_names(keys().names);
            Target::SigningKeyId(id)
        }
        // Guards treat the name of the version as the id of a signing key: they ask again about tokens with it.
        Revocation::ApiKey(version) => {
            names = key_names(keys().names);
            Target::SigningKeyId(version.to_string())
        }
        // The feed sends a start as a reset, so this case never occurs.
        Revocation::NewSigningKeys | Revocation::Start => {
            let FeedKeys { digest, names } = keys();
            Target::NewSigningKeys(v1::NewSigningKeys { digest, keys: key_names(names) })
        }
    };
    v1::Revocation {
        revision: entry.logged.revision,
        mark: entry.logged.fingerprint.0.to_vec(),
        target: Some(target),
        create_time: Some(time(entry.time)),
        keys: names,
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
