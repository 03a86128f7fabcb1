//! Access tokens: claims, issue and verification; refresh tokens, reset codes and secrets of API keys.

mod api_key;
mod claims;
mod issue;
mod jws;
mod refresh;
mod remembered;
mod reset_code;
#[cfg(test)]
mod tests;
mod verify;

pub use api_key::ApiKeySecretText;
pub use claims::{Audience, Claims};
pub use issue::{Issued, Issuer, Scope};
pub use jws::SignError;
pub use refresh::RefreshToken;
pub use remembered::RememberingVerifier;
pub use reset_code::ResetCode;
pub(crate) use verify::NEW_SECONDS;
pub use verify::{TokenFault, VerifiedToken, Verifier};
