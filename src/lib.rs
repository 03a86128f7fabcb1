//! A guard for gRPC services: it asks the Gatepost auth service what a token is worth before any RPC is served.
//!
#![doc = include_str!("manual.md")]

pub mod api;
mod client;
mod codec;
pub mod deadline;
mod guard;
pub mod ledger;
pub mod log;
pub mod metrics;
pub mod status;
#[cfg(feature = "testing")]
pub mod testing;
mod uptime;

pub use client::{NoToken, Reaction, TokenSource, WithSource};
pub use guard::{
    Asker, AuthService, Breaker, Denial, Digest, Fault, Grounds, Guard, GuardLayer, HeaderFault, Identity, InvalidUrl,
    Policy, PolicyError, Refusal, RemoteVerifier, Retry, Rule, RuleFault, SingleFlight, SubjectKind, Token,
    TokenHeader, Unavailable, Verdict, Verify, WithToken, Worth,
};
pub use status::AUTH_DOMAIN;
pub use uptime::Uptime;

/// The README's example compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
