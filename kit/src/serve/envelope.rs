//! Outermost layer: each call ends by its deadline, a panic ends only its call, and each status has a reason.

use std::marker::PhantomData;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt as _;
use gatepost::deadline;
use gatepost::status::Reason;
use http::{Request, Response};
use tokio::time::{Instant, timeout_at};
use tonic::Status;
use tower_layer::Layer;
use tower_service::Service;

use super::{MethodDeadlines, transport};
use crate::call;
use crate::failure;
use crate::outcome::CommitOutcome;

/// Minimum time between the end of a call by the server and its caller's deadline: twice the resolution of the timers.
const DEADLINE_MARGIN: Duration = Duration::from_millis(2);

/// Time at which a request's headers arrived.
#[derive(Clone, Copy, Debug)]
pub(super) struct AcceptedAt(pub(super) Instant);

/// Layer that puts an [`Envelope`] around a server.
pub(super) struct EnvelopeLayer<R> {
    pub(super) deadline: Duration,
    pub(super) deadlines: MethodDeadlines,
    pub(super) reasons: PhantomData<R>,
}

impl<R> Clone for EnvelopeLayer<R> {
    fn clone(&self) -> Self {
        Self { deadline: self.deadline, deadlines: self.deadlines, reasons: PhantomData }
    }
}

impl<S, R> Layer<S> for EnvelopeLayer<R> {
    type Service = Envelope<S, R>;

    fn layer(&self, inner: S) -> Self::Service {
        Envelope { inner, layer: self.clone() }
    }
}

/// Service that ends calls in time, and turns panics into statuses.
pub(super) struct Envelope<S, R> {
    inner: S,
    layer: EnvelopeLayer<R>,
}

impl<S: Clone, R> Clone for Envelope<S, R> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), layer: self.layer.clone() }
    }
}

impl<R> EnvelopeLayer<R> {
    /// Returns the service's deadline for the method, or the caller's if it is shorter.
    ///
    /// The caller's deadline is shortened a little, because the transport enforces it too and would answer CANCELLED
    /// first.
    fn limit(&self, path: &str, requested: Option<Duration>) -> Duration {
        let own = self.deadlines.iter().find(|(method, _)| *method == path).map_or(self.deadline, |(_, limit)| *limit);
        let cut = |requested: Duration| requested.saturating_sub((requested / 20).max(DEADLINE_MARGIN));
        requested.map_or(own, |requested| cut(requested).min(own))
    }
}

impl<S, R, B, T> Service<Request<B>> for Envelope<S, R>
where
    S: Service<Request<B>, Response = Response<T>> + Clone + Send + 'static,
    S::Future: Send,
    R: Reason,
    B: Send + 'static,
    T: Default,
{
    type Response = Response<T>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let next = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, next);
        let path = request.uri().path().to_owned();
        let limit = self.layer.limit(&path, deadline::requested(request.headers()));
        // The time in which a call waited for its message and for room counts, too.
        let accepted = request.extensions().get().map_or_else(Instant::now, |AcceptedAt(time)| *time);
        let end = accepted + limit;
        Box::pin(async move {
            // A timer of zero length still takes a tick, in which the transport's timer would fire.
            if end <= Instant::now() {
                return Ok(failure::deadline::<R>().into_http());
            }
            // The call itself is inside too: a service may panic before it returns a future.
            let outcome = CommitOutcome::default();
            let call = call::run_until(end, outcome.watch(async move { inner.call(request).await }));
            let served = AssertUnwindSafe(call).catch_unwind();
            let status: Status = match timeout_at(end, served).await {
                Ok(Ok(response)) => return Ok(transport::translate::<R, T>(&path, response?)),
                Ok(Err(_panic)) => failure::panicked::<R>(&path),
                Err(_elapsed) if outcome.is_open() => failure::outcome_unknown::<R>(),
                Err(_elapsed) => failure::deadline::<R>(),
            };
            Ok(status.into_http())
        })
    }
}
