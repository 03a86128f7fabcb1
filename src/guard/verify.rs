//! The one seam of the guard: who says what a token is worth.

use std::sync::Arc;

use tokio::time::Instant;

use super::{Identity, Token};

/// Says what a token is worth.
///
/// Caches, single flight and metrics are decorators: they implement this trait around another implementation, and the
/// guard never knows.
pub trait Verify: Send + Sync + 'static {
    /// What `token` is worth now. An answer after `deadline` is of no use to the caller any more.
    fn verify(&self, token: &Token, deadline: Instant) -> impl Future<Output = Result<Verdict, Unavailable>> + Send;
}

impl<V: Verify> Verify for Arc<V> {
    fn verify(&self, token: &Token, deadline: Instant) -> impl Future<Output = Result<Verdict, Unavailable>> + Send {
        V::verify(self, token, deadline)
    }
}

/// What a token is worth.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// The token is good, and this is who bears it.
    Valid(Arc<Identity>),
    /// The token is worth nothing.
    Denied(Denial),
}

/// Why a token is worth nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// Malformed, forged, or meant for somebody else.
    Invalid,
    /// Its lifetime is over.
    Expired,
    /// Its session has ended.
    Revoked,
    /// Its user no longer exists.
    UserDeleted,
    /// Its user may not act for now.
    UserDisabled,
}

/// Nobody could say what the token is worth: the call must fail, and may be tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the auth service cannot say what the token is worth")]
pub struct Unavailable;
