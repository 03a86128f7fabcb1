//! The names of the signing keys, as the feed tells them: by them a token's header is judged before a question is asked.

use std::collections::HashMap;

use crate::api::auth::v1;

/// The keys whose tokens are good, by id, each with its one algorithm.
///
/// A key keeps its algorithm for good, so that the names may be old: a key that has left the set is still named, and one
/// that was made since is not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct KeyNames(HashMap<String, String>);

/// The standing of the key that a token names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// The key is listed, for this algorithm.
    Listed,
    /// The key is listed, for another algorithm.
    Mismatched,
    /// The key is not listed. It may have been made a moment ago.
    Unlisted,
    /// The auth service has not said which keys there are.
    Unknown,
}

impl KeyNames {
    /// Reads the names in a message of the feed; `None` for an auth service that does not send them.
    pub(super) fn read(keys: Vec<v1::KeyName>) -> Option<Self> {
        let names: HashMap<_, _> = keys.into_iter().map(|key| (key.id, key.algorithm)).collect();
        (!names.is_empty()).then_some(Self(names))
    }

    /// Looks up the key that a token names.
    pub(super) fn find(names: Option<&Self>, id: &str, algorithm: &str) -> Named {
        match names.map(|Self(names)| names.get(id)) {
            None => Named::Unknown,
            Some(None) => Named::Unlisted,
            Some(Some(listed)) if listed == algorithm => Named::Listed,
            Some(Some(_)) => Named::Mismatched,
        }
    }
}
