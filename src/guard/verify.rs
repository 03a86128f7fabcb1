//! The one seam of the guard: who says what a token is worth.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::time::Instant;

use super::{Denial, Identity, Token};
use crate::ledger::Basis;

/// Says what a token is worth.
///
/// Caches, single flight and what they count are decorators: they implement this trait around another implementation, and the
/// guard never knows.
pub trait Verify: Send + Sync + 'static {
    /// What `token` is worth now. An answer after `deadline` is of no use to the caller any more.
    fn verify(&self, token: &Token, deadline: Instant) -> impl Future<Output = Result<Verdict, Unavailable>> + Send;

    /// Says what `token` is worth now, and shares what a question costs fairly among those who ask. A verifier that has
    /// nothing to share leaves this as it is.
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

/// The call that a question is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Asker {
    /// A call that begins, from this peer; `None` where peers are not told apart.
    Call(Option<SocketAddr>),
    /// An open call, whose token has been found good before.
    Open,
    /// A call whose token is likely garbage. A question that fails for it says nothing of the auth service, and is not
    /// asked again.
    Doubtful,
}

/// What a token is worth, and what that stands on.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Verdict {
    /// What the token is worth.
    pub worth: Worth,
    /// The facts that must stay as they are for the verdict to be true later, too; `None` if it is true at this moment alone.
    pub(crate) grounds: Option<Arc<Grounds>>,
}

/// What a token is worth.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Worth {
    /// The token is good, and this is its bearer.
    Valid(Identity),
    /// The token is worth nothing.
    Denied(Denial),
}

/// The facts that a verdict stands on, beside the bearer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grounds {
    /// The time of the question, the time for which the answer is good, and the known part of the log of revocations.
    pub(crate) basis: Basis,
    /// The user's generation when the token was issued.
    pub(crate) generation: i32,
    /// The id of the key that signed the token; empty for services.
    pub(crate) key: Box<str>,
}

impl Verdict {
    /// Returns the verdict that the token is good now, with its bearer.
    pub fn valid(identity: Identity) -> Self {
        Self { worth: Worth::Valid(identity), grounds: None }
    }

    /// The token is worth nothing now.
    pub fn denied(denial: Denial) -> Self {
        Self { worth: Worth::Denied(denial), grounds: None }
    }

    /// Sets what the verdict stands on.
    #[must_use]
    pub(crate) fn on(self, grounds: Grounds) -> Self {
        Self { grounds: Some(Arc::new(grounds)), ..self }
    }
}

/// Nobody could say what the token is worth: the call must fail, and may be tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unavailable {
    /// The auth service could not be reached, or says that it cannot tell now: another attempt may succeed at once.
    #[error("the auth service cannot be asked what the token is worth")]
    Away,
    /// It was reached, and what it said makes no sense: it would say the same again.
    #[error("the auth service does not say what the token is worth")]
    Unclear,
}
