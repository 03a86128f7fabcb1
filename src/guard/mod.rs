//! The server side: policy → token → introspection → identity.

mod authorizer;
mod builder;
mod cache_entries;
mod call_parts;
mod certificates;
mod client;
mod endpoints;
mod fairness;
mod feed;
mod identity;
mod identity_headers;
mod introspection_cache;
pub(crate) mod jitter;
mod key_names;
mod layer;
pub mod layers;
mod limit;
mod line_limits;
#[cfg(test)]
mod log_lines;
mod peers;
mod plausibility;
mod policy;
mod rejected_call;
#[cfg(test)]
mod scripted;
mod shared_revocation_state;
mod streaming;
mod token;
mod verify;

pub use builder::{AuthEndpoint, AuthServiceBuilder, BuildError};
pub use call_parts::CallParts;
pub use certificates::CertificateServices;
pub use client::AuthService;
pub use identity::{Identity, IdentityClaims, SubjectKind};
pub use layer::{Guard, GuardLayer};
pub use policy::{Policy, PolicyError, Predicate, RowFault, Rule, RuleFault};
pub use rejected_call::RejectedCall;
pub use token::{Token, TokenDigest};
pub use verify::{Introspection, TokenStatus, TrafficClass, Unavailable, Verify};

pub use crate::rejection::{HeaderFault, InactiveReason, Rejection, TokenFormFault, TokenHeader};

pub(crate) use layers::read_time;
pub(crate) use verify::IntrospectionFacts;
#[cfg(feature = "testing")]
pub(crate) use {
    authorizer::GUARD_TIMEOUT, feed::apply_message, introspection_cache::IntrospectionCache, key_names::KeyNames,
    plausibility::Plausibility, shared_revocation_state::SharedRevocationState,
};
