//! The interface between the guard and its verifiers.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::time::Instant;

use super::{Identity, InactiveReason, Token};
use crate::revocation_state::Evidence;

/// A verifier of tokens: decides if a token is valid, and who bears it.
///
/// Caches, single flight and counters are decorators. Each implements this trait around another implementation.
pub trait Verify: Send + Sync + 'static {
    /// Verifies `token`. [`Unavailable`] means that there is no introspection, never that the token is bad. The caller
    /// ignores an answer after `deadline`.
    fn verify(
        &self,
        token: &Token,
        deadline: Instant,
    ) -> impl Future<Output = Result<Introspection, Unavailable>> + Send;

    /// Verifies `token`, with limited resources shared fairly among the traffic classes. The default implementation
    /// ignores `class`.
    fn verify_for(
        &self,
        token: &Token,
        class: TrafficClass,
        deadline: Instant,
    ) -> impl Future<Output = Result<Introspection, Unavailable>> + Send {
        let _ = class;
        self.verify(token, deadline)
    }
}

impl<V: Verify> Verify for Arc<V> {
    fn verify(
        &self,
        token: &Token,
        deadline: Instant,
    ) -> impl Future<Output = Result<Introspection, Unavailable>> + Send {
        V::verify(self, token, deadline)
    }

    fn verify_for(
        &self,
        token: &Token,
        class: TrafficClass,
        deadline: Instant,
    ) -> impl Future<Output = Result<Introspection, Unavailable>> + Send {
        V::verify_for(self, token, class, deadline)
    }
}

/// The class of a call that needs an introspection, for a fair use of the auth service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TrafficClass {
    /// A new call from this peer; `None` if the guard does not tell peers apart.
    NewCall(Option<SocketAddr>),
    /// An open call with a token that was valid before.
    OpenCall,
    /// A call with a token that is likely garbage. If its request fails, no circuit breaker counts the failure, and the
    /// guard does not retry.
    Doubtful,
}

/// The result of a verification, and the facts behind it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Introspection {
    /// The status of the token.
    pub status: TokenStatus,
    /// The facts that must stay true for the introspection to stay true. `None` if the introspection holds only now.
    pub(crate) facts: Option<Arc<IntrospectionFacts>>,
}

/// The status of a token.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum TokenStatus {
    /// The token is active and belongs to this identity.
    Active(Identity),
    /// The token is inactive.
    Inactive(InactiveReason),
}

/// The facts behind an introspection, except the bearer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IntrospectionFacts {
    /// The request time, the lifetime of the answer, and the log position.
    pub(crate) evidence: Evidence,
    /// The user's generation when the token was issued.
    pub(crate) generation: i32,
    /// The id of the signing key; empty for services.
    pub(crate) key: Box<str>,
}

impl Introspection {
    /// Creates the introspection of an active token of `identity`.
    pub fn active(identity: Identity) -> Self {
        Self { status: TokenStatus::Active(identity), facts: None }
    }

    /// Creates the introspection of an inactive token.
    pub fn inactive(reason: InactiveReason) -> Self {
        Self { status: TokenStatus::Inactive(reason), facts: None }
    }

    /// Sets the facts behind the introspection.
    #[must_use]
    pub(crate) fn with_facts(self, facts: IntrospectionFacts) -> Self {
        Self { facts: Some(Arc::new(facts)), ..self }
    }
}

/// The error of a failed introspection. The call must fail, and may be retried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unavailable {
    /// The auth service cannot be reached, or cannot answer now. A retry may succeed at once.
    #[error("the auth service does not answer; try again in a moment")]
    Away,
    /// The auth service gave an answer that is an error or nonsense. A retry would give the same.
    #[error("the auth service gave no usable answer about the token; check its log and version")]
    Unclear,
}
