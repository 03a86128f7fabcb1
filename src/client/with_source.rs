//! A channel on which each call carries the token of that moment.

use std::pin::Pin;
use std::task::{Context, Poll};

use http::{HeaderMap, Request, Response};
use tokio::time::timeout;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use tower_service::Service;

use super::TokenSource;
use crate::{Refusal, deadline};

/// A client's channel with a [`TokenSource`] before it; made by [`TokenSource::around`].
///
/// Each call gets the metadata `api-token`. A call for which there is no token fails as [`NoToken`](super::NoToken)
/// says, and one whose deadline passes while it waits for a token with `DEADLINE_EXCEEDED`. Calls are not repeated: one
/// that is refused because its token has died is the caller's to repeat, and finds another token then.
#[derive(Clone)]
pub struct WithSource<S> {
    inner: S,
    source: TokenSource,
}

impl<S> WithSource<S> {
    pub(super) fn new(inner: S, source: TokenSource) -> Self {
        Self { inner, source }
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
        // The service that was polled ready is the one that is called; its clone waits for the next poll.
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
                Err(_) => return Ok(Status::from(Refusal::Deadline).into_http()),
            };
            token.send_in(request.headers_mut());
            let response = inner.call(request).await?;
            if is_dead(response.headers()) {
                source.forget(&token);
            }
            Ok(response)
        })
    }
}

/// Whether the callee says that the token has died since it was issued. An answer with nothing but a status has it among
/// its first headers.
fn is_dead(headers: &HeaderMap) -> bool {
    let is_unauthenticated = headers.get(Status::GRPC_STATUS).is_some_and(|code| code == "16");
    let status = is_unauthenticated.then(|| Status::from_header_map(headers)).flatten();
    let info = status.filter(|status| status.code() == Code::Unauthenticated).and_then(|s| s.get_details_error_info());
    info.is_some_and(|info| {
        info.domain == crate::AUTH_DOMAIN && ["TOKEN_EXPIRED", "TOKEN_REVOKED"].contains(&&*info.reason)
    })
}
