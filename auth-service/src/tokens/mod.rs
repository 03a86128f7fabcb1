//! Access tokens: claims, issue and verification.

mod claims;
mod issue;
mod jws;
mod refresh;
mod remembered;
#[cfg(test)]
mod tests;
mod verify;

pub use claims::{Audience, Claims};
pub use issue::{Issued, Issuer, Scope};
pub use jws::SignError;
pub use refresh::RefreshToken;
pub use remembered::RememberingVerifier;
pub(crate) use verify::NEW_SECONDS;
pub use verify::{TokenFault, VerifiedToken, Verifier};
