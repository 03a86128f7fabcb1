//! Algorithms, keys, and the sets of keys that are in force over time.

mod algorithm;
mod jwk;
mod key;
mod key_set;
mod key_type;
pub(crate) mod low_s;
mod signing_key;
#[cfg(test)]
pub(crate) mod tests;
mod verifying_key;

pub use algorithm::Algorithm;
pub use jwk::JwkError;
pub(crate) use jwk::object;
pub(crate) use key::check_secret;
pub use key::{Key, PublicKey, WeakSecret};
pub use key_set::{CurrentKeys, KeySet, Member, Timetable};
pub use key_type::KeyType;
pub(crate) use signing_key::SigningKey;
pub use verifying_key::VerifyingKey;
