//! Algorithms, keys, and the key sets in force over time.

mod algorithm;
mod jwk;
mod key;
mod key_set;
mod low_s;
mod signing_key;
#[cfg(test)]
pub(crate) mod tests;
mod verifying_key;

pub use algorithm::{Algorithm, KeyType, Pkcs8};
pub use jwk::JwkError;
pub(crate) use jwk::object;
pub(crate) use key::check_secret;
pub use key::{Key, PublicKey, WeakSecret};
pub use key_set::{CurrentKeys, KeySet, Member, Timetable};
#[cfg(test)]
pub(crate) use signing_key::SigningKey;
pub use verifying_key::VerifyingKey;
