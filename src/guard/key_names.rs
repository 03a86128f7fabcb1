//! Ids and algorithms of the signing keys, as the feed sends them. The guard checks token headers against them.

use std::collections::HashMap;

use crate::api::auth::v1;

/// The signing keys of valid tokens: a map from the key id to the key's only algorithm.
///
/// The list may be outdated: it can contain retired keys and lack new ones. A key never changes its algorithm.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct KeyNames(HashMap<String, String>);

/// The result of a look-up of the key that a token names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KeyLookup {
    /// The key is listed, for this algorithm.
    Listed,
    /// The key is listed, for another algorithm.
    Mismatched,
    /// The key is not listed. It may be new.
    Unlisted,
    /// The auth service has sent no list.
    Unknown,
}

impl KeyNames {
    /// Reads the list of keys in a message of the feed. Returns `None` if the list is empty.
    pub(crate) fn read(keys: Vec<v1::KeyName>) -> Option<Self> {
        let names: HashMap<_, _> = keys.into_iter().map(|key| (key.id, key.algorithm)).collect();
        (!names.is_empty()).then_some(Self(names))
    }

    /// Looks up the key that a token names.
    pub(super) fn find(names: Option<&Self>, id: &str, algorithm: &str) -> KeyLookup {
        match names.map(|Self(names)| names.get(id)) {
            None => KeyLookup::Unknown,
            Some(None) => KeyLookup::Unlisted,
            Some(Some(listed)) if listed == algorithm => KeyLookup::Listed,
            Some(Some(_)) => KeyLookup::Mismatched,
        }
    }
}
