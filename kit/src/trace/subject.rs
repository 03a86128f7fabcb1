//! Service that records the caller identified by the guard, for the span of the call.

use std::sync::Arc;
use std::task::{Context, Poll};

use gatepost::Identity;
use http::Request;
use tower_service::Service;

use super::CallSpan;

/// Service between the guard and the handlers.
#[derive(Clone)]
pub(crate) struct SubjectNotes<S>(pub(crate) S);

impl<S, B> Service<Request<B>> for SubjectNotes<S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        if let Some(span) = request.extensions().get::<Arc<CallSpan>>()
            && let Some(identity) = Identity::find(&request)
        {
            span.set_identity(identity.clone());
        }
        self.0.call(request)
    }
}
