//! The guard: policy → token → verdict → identity, one idea a file.

mod auth;
mod breaker;
mod circuit;
mod fairness;
mod feed;
mod flight;
mod header_fault;
mod identity;
pub(crate) mod jitter;
mod key_names;
mod knowledge;
mod layer;
mod limit;
mod line_limits;
#[cfg(test)]
mod log_lines;
mod open;
mod peers;
mod plausible;
mod policy;
mod question_channel;
mod refusal;
mod remote;
mod retry;
mod retry_budget;
mod rules;
#[cfg(test)]
mod scripted;
mod token;
mod verdicts;
mod verify;
mod with_token;

pub use auth::AuthService;
pub use breaker::Breaker;
pub use flight::SingleFlight;
pub use header_fault::{Fault, HeaderFault, TokenHeader};
pub use identity::{Identity, SubjectKind};
pub use layer::{Guard, GuardLayer};
pub use policy::{Policy, PolicyError, Rule, RuleFault};
pub use refusal::Refusal;
pub use remote::{InvalidUrl, RemoteVerifier};
pub use retry::Retry;
pub use token::{Digest, Token};
pub use verify::{Asker, Denial, Grounds, Unavailable, Verdict, Verify, Worth};
pub use with_token::WithToken;

pub(crate) use remote::read_time;
#[cfg(feature = "testing")]
pub(crate) use {knowledge::Knowledge, rules::GUARD_TIMEOUT, verdicts::Verdicts};
