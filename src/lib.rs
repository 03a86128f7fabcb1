//! A guard for gRPC services. It verifies the token of each call with the Gatepost auth service before the handler
//! runs.
#![doc = include_str!("manual.md")]
#![deny(missing_debug_implementations, clippy::incompatible_msrv)]

pub mod api;
pub mod client;
mod codec;
#[doc(hidden)]
pub mod deadline;
mod dial;
pub mod guard;
#[doc(hidden)]
pub mod log;
pub mod metrics;
mod peer_certificate;
mod rejection;
#[doc(hidden)]
pub mod revocation_state;
#[doc(hidden)]
pub mod status;
#[cfg(feature = "testing")]
pub mod testing;
#[cfg(feature = "tls")]
pub mod tls;
pub mod trace;
mod uptime;

pub use client::{NoToken, Reaction, TokenSource, WithSource, WithToken};
pub use dial::InvalidUrl;
pub use guard::{
    AuthService, BuildError, CertificateServices, Guard, GuardLayer, HeaderFault, Identity, InactiveReason,
    Introspection, Policy, PolicyError, RejectedCall, Rejection, RowFault, Rule, RuleFault, SubjectKind, Token,
    TokenDigest, TokenFormFault, TokenHeader, TokenStatus, TrafficClass, Unavailable, Verify,
};
pub use peer_certificate::{CertificateName, InvalidName, PeerCertificate};
pub use status::AUTH_DOMAIN;
pub use uptime::Uptime;

/// Compiles the README's example.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
