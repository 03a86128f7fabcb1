//! The guard: policy → token → verdict → identity, one idea a file.

mod flight;
mod identity;
mod layer;
mod policy;
mod refusal;
mod remote;
mod token;
mod verify;
mod with_token;

pub use flight::SingleFlight;
pub use identity::{Identity, SubjectKind};
pub use layer::{Guard, GuardLayer};
pub use policy::{Policy, PolicyError, Rule};
pub use refusal::Refusal;
pub use remote::{InvalidUrl, RemoteVerifier};
pub use token::{Digest, Token};
pub use verify::{Denial, Unavailable, Verdict, Verify};
pub use with_token::WithToken;
