//! Access tokens: what they say, who signs them, and how they are read again.

mod claims;
mod issue;
mod jws;
mod key_file;
mod keys;
mod verify;

pub use claims::Claims;
pub use issue::{Issued, Issuer};
pub use jws::SignError;
pub use key_file::KeyFileError;
pub(crate) use keys::check_secret;
pub use keys::{Key, KeySet, PublicKey, WeakSecret};
pub use verify::{TokenFault, Verifier};
