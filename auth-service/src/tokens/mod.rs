//! Access tokens: what they say, who signs them, and how they are read again.

mod algorithm;
mod claims;
mod issue;
mod jwk;
mod jws;
mod key_access;
mod key_copy;
mod key_file;
mod key_set;
mod key_source;
mod key_type;
mod keys;
mod low_s;
mod master_key;
mod refresh;
mod remembered;
mod signing_key;
#[cfg(test)]
mod tests;
mod verify;
mod verifying_key;

pub use algorithm::Algorithm;
pub use claims::{Audience, Claims};
pub use issue::{Issued, Issuer, Scope};
pub use jwk::JwkError;
pub use jws::SignError;
pub use key_copy::{KeyCopy, PrivateHalf};
pub use key_file::{FiledKey, KeyFile, KeyFileError, KeyFileLock, Pkcs8};
pub use key_set::{CurrentKeys, KeySet, Member, Timetable};
pub use key_source::{Custody, KeySource, SEALED_KEY, SigningKeyError};
pub use key_type::KeyType;
pub(crate) use keys::check_secret;
pub use keys::{Key, PublicKey, WeakSecret};
pub use master_key::{BadMasterKey, CannotOpen, MasterKey};
pub use refresh::RefreshToken;
pub use remembered::RememberingVerifier;
pub(crate) use verify::NEW_SECONDS;
pub use verify::{TokenFault, VerifiedToken, Verifier};
pub use verifying_key::VerifyingKey;
