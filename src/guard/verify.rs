//! The interface between the guard and its verifiers.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::time::Instant;

use super::{Denial, Identity, Token};
use crate::ledger::Basis;

/// A verifier of tokens: decides if a token is valid, and who bears it.
///
/// Caches, single flight and counters are decorators. Each implements this trait around another implementation.
pub trait Verify: Send + Sync + 'static {
    /// Verifies `token`. [`Unavailable`] means that there is no verdict, never that the token is bad. The caller ignores an
    /// answer after `deadline`.
    fn verify(&self, token: &Token, deadline: Instant) -> impl Future<Output = Result<Verdict, Unavailable>> + Send;

    /// Verifies `token`, and shares limited resources fairly among the callers that `asker` identifies. The default
    /// implementation ignores `asker`.
    fn verify_for(
        &self,
        token: &Token,
        asker: Asker,
        deadline: Instant,
    ) -> impl Future<Output = Result<Verdict, Unavailable>> + Send {
        let _ = asker;
        self.verify(token, deadline)
    }
}

impl<V: Verify> Verify for Arc<V> {
    fn verify(&self, token: &Token, deadline: Instant) -> impl Future<Output = Result<Verdict, Unavailable>> + Send {
        V::verify(self, token, deadline)
    }

    fn verify_for(
        &self,
        token: &Token,
        asker: Asker,
        deadline: Instant,
    ) -> impl Future<Output = Result<Verdict, Unavailable>> + Send {
        V::verify_for(self, token, asker, deadline)
    }
}

/// The kind of call that needs a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Asker {
    /// A new call from this peer; `None` if the guard does not tell peers apart.
    Call(Option<SocketAddr>),
    /// An open call with a token that was valid before.
    Open,
    /// A call with a token that is likely garbage. A failure of its request counts for no circuit breaker and is not retried.
    Doubtful,
}

/// The result of a verification, and the facts behind it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Verdict {
    /// The status of the token.
    pub worth: Worth,
    /// The facts that must stay true for the verdict to stay true. `None` if the verdict holds only now.
    pub(crate) grounds: Option<Arc<Grounds>>,
}

/// The status of a token.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Worth {
    /// The token is valid and belongs to this identity.
    Valid(Identity),
    /// The token is not valid.
    Denied(Denial),
}

/// The facts behind a verdict, except the bearer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grounds {
    /// The request time, the lifetime of the answer, and the log position.
    pub(crate) basis: Basis,
    /// The user's generation when the token was issued.
    pub(crate) generation: i32,
    /// The id of the signing key; empty for services.
    pub(crate) key: Box<str>,
}

impl Verdict {
    /// Returns the verdict that the token is valid now and belongs to `identity`.
    pub fn valid(identity: Identity) -> Self {
        Self { worth: Worth::Valid(identity), grounds: None }
    }

    /// Returns the verdict that the token is not valid now.
    pub fn denied(denial: Denial) -> Self {
        Self { worth: Worth::Denied(denial), grounds: None }
    }

    /// Sets the facts behind the verdict.
    #[must_use]
    pub(crate) fn on(self, grounds: Grounds) -> Self {
        Self { grounds: Some(Arc::new(grounds)), ..self }
    }
}

/// Nobody could say what the token is worth: the call must fail, and may be tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unavailable {
    /// The auth service cannot be reached, or cannot answer now. A retry may succeed at once.
    #[error("the auth service does not answer; try again in a moment")]
    Away,
    /// The auth service gave an answer that is an error or nonsense. A retry would give the same.
    #[error("the auth service gives no verdict on the token; check its log and version")]
    Unclear,
}
