//! A channel that attaches the current token to each call.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{HeaderMap, Request, Response};
use tokio::time::timeout;
use tonic::Status;
use tower_layer::Layer;
use tower_service::Service;

use super::TokenSource;
use crate::{Rejection, deadline};

/// A client's channel that adds the metadata `api-token` to each call; [`TokenSource::wrap`] makes one.
///
/// A call without a token fails with the status of [`NoToken`](super::NoToken). A call that reaches its deadline while
/// it waits for a token fails with `DEADLINE_EXCEEDED`. Calls are not repeated. If a call fails because its token was
/// revoked, the caller may repeat it and gets a new token.
#[derive(Clone)]
pub struct WithSource<S> {
    inner: S,
    source: TokenSource,
}

impl<S: fmt::Debug> fmt::Debug for WithSource<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WithSource").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl TokenSource {
    /// Wraps a channel so that each call carries the current token.
    pub fn wrap<S>(&self, channel: S) -> WithSource<S> {
        WithSource { inner: channel, source: self.clone() }
    }
}

/// Calls [`TokenSource::wrap`].
impl<S> Layer<S> for TokenSource {
    type Service = WithSource<S>;

    fn layer(&self, channel: S) -> Self::Service {
        self.wrap(channel)
    }
}

impl<S, B, R> Service<Request<B>> for WithSource<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
    R: Default,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        // Only `self.inner` was polled ready. Call it, and keep its clone for the next poll.
        let next = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, next);
        let source = self.source.clone();
        Box::pin(async move {
            let found = match deadline::requested(request.headers()) {
                Some(limit) => timeout(limit, source.token()).await,
                None => Ok(source.token().await),
            };
            let token = match found {
                Ok(Ok(token)) => token,
                Ok(Err(error)) => return Ok(Status::from(error).into_http()),
                Err(_) => return Ok(Status::from(Rejection::Deadline).into_http()),
            };
            token.send_in(request.headers_mut());
            let response = inner.call(request).await?;
            source.record_status(&token, &status_of(response.headers()));
            Ok(response)
        })
    }
}

/// Reads the gRPC status from the headers of a response. Only a response without messages has one there; others count
/// as OK.
fn status_of(headers: &HeaderMap) -> Status {
    Status::from_header_map(headers).unwrap_or_else(|| Status::ok(""))
}
