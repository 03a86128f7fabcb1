//! A refused call, for an observer outside of the guard.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use http::HeaderMap;

use super::Rejection;

/// A call that the guard refuses, as [`GuardLayer::on_rejection`](crate::GuardLayer::on_rejection) shows it.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RejectedCall<'a> {
    /// The reason.
    pub rejection: Rejection,
    /// The method's path, as the caller sent it.
    pub path: &'a str,
    /// The request's headers. A token in them is marked as sensitive.
    pub headers: &'a HeaderMap,
    /// The peer, if the guard knows it.
    pub peer: Option<SocketAddr>,
}

/// The observer of refused calls.
#[derive(Clone)]
pub(super) struct RejectionObserver(Arc<dyn Fn(&RejectedCall<'_>) + Send + Sync>);

impl RejectionObserver {
    pub(super) fn new(observe: impl Fn(&RejectedCall<'_>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(observe))
    }

    pub(super) fn observe(&self, call: &RejectedCall<'_>) {
        (self.0)(call);
    }
}

impl fmt::Debug for RejectionObserver {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("RejectionObserver").finish_non_exhaustive()
    }
}
