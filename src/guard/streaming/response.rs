//! The response body of an open call.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::{HeaderMap, Response};
use http_body::{Body as _, Frame};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::{Bytes, StdError};

use super::super::{Rejection, Verify};
use super::open_call::{HeldFrame, OpenCall, PeriodicChecks};

/// The result of polling a body.
type PolledFrame = Option<Result<Frame<Bytes>, Status>>;

impl<V: Verify> OpenCall<V> {
    /// Returns the handler's response with checked messages, or the rejection that precedes it.
    pub(in super::super) async fn check_response<R, E>(
        self: Arc<Self>,
        mut call: Pin<&mut impl Future<Output = Result<Response<R>, E>>>,
    ) -> Result<Response<Body>, E>
    where
        R: http_body::Body<Data = Bytes> + Send + 'static,
        R::Error: Into<StdError>,
    {
        // Set for a call that waits for request messages. Most unary calls need none.
        let mut checks: Option<PeriodicChecks> = None;
        let answered = poll_fn(|cx| {
            let answered = call.as_mut().poll(cx);
            self.end_admission();
            if let Some(rejection) = self.rejection() {
                return Poll::Ready(Err(rejection));
            }
            if answered.is_ready() {
                return answered.map(Ok);
            }
            if self.is_request_over() {
                checks = None;
                return Poll::Pending;
            }
            checks.get_or_insert_with(|| self.periodic_checks()).as_mut().poll(cx).map(Err)
        });
        match answered.await {
            Ok(response) => Ok(response?.map(|body| Body::new(CheckedResponse::new(Body::new(body), self)))),
            Err(rejection) => Ok(Status::from(self.reject(rejection)).into_http()),
        }
    }
}

/// A response body. A rejection ends it with the rejection's status in the trailers.
struct CheckedResponse<V: Verify> {
    body: Body,
    call: Arc<OpenCall<V>>,
    /// True until the body was polled for the first time.
    is_first: bool,
    /// A message and its pending check.
    held: Option<HeldFrame>,
    /// The frame after the first message.
    next: Option<PolledFrame>,
    /// The periodic check of a body that had to wait. Unary calls need none.
    checks: Option<PeriodicChecks>,
    is_over: bool,
}

impl<V: Verify> CheckedResponse<V> {
    fn new(body: Body, call: Arc<OpenCall<V>>) -> Self {
        Self { body, call, is_first: true, held: None, next: None, checks: None, is_over: false }
    }

    /// Polls the next frame that the caller may receive, or the rejection that ends the body.
    fn poll_checked(&mut self, cx: &mut Context<'_>) -> Poll<Result<PolledFrame, Rejection>> {
        loop {
            if let Some(rejection) = self.call.rejection() {
                return Poll::Ready(Err(rejection));
            }
            if let Some(held) = &mut self.held {
                ready!(held.check.as_mut().poll(cx))?;
                return Poll::Ready(Ok(self.held.take().map(|held| Ok(held.frame))));
            }
            let polled = match self.next.take() {
                Some(next) => Poll::Ready(next),
                None => Pin::new(&mut self.body).poll_frame(cx),
            };
            let is_first = std::mem::take(&mut self.is_first);
            // The handler may have received a rejection just now, in place of a message.
            if let Some(rejection) = self.call.rejection() {
                return Poll::Ready(Err(rejection));
            }
            match polled {
                Poll::Ready(Some(Ok(frame))) if frame.is_data() => {
                    if is_first && self.is_whole(cx) {
                        return Poll::Ready(Ok(Some(Ok(frame))));
                    }
                    self.held = Some(HeldFrame { frame, check: self.call.check() });
                }
                Poll::Ready(last) => return Poll::Ready(Ok(last)),
                Poll::Pending => {
                    let checks = self.checks.get_or_insert_with(|| self.call.periodic_checks());
                    return checks.as_mut().poll(cx).map(Err);
                }
            }
        }
    }

    /// Returns true for the answer of a unary call: the first message is the last one, and the request has ended.
    fn is_whole(&mut self, cx: &mut Context<'_>) -> bool {
        if !self.call.is_request_over() {
            return false;
        }
        let Poll::Ready(next) = Pin::new(&mut self.body).poll_frame(cx) else { return false };
        let is_whole = next.as_ref().is_none_or(|next| next.as_ref().is_ok_and(Frame::is_trailers));
        self.next = Some(next);
        is_whole
    }
}

impl<V: Verify> http_body::Body for CheckedResponse<V> {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<PolledFrame> {
        if self.is_over {
            return Poll::Ready(None);
        }
        let rejection = match ready!(self.poll_checked(cx)) {
            Ok(polled) => return Poll::Ready(polled),
            Err(rejection) => self.call.reject(rejection),
        };
        self.is_over = true;
        // Drops the handler's body now. The transport may keep this one for longer.
        self.body = Body::empty();
        let mut trailers = HeaderMap::new();
        let written = Status::from(rejection).add_header(&mut trailers);
        Poll::Ready(Some(written.map(|()| Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.is_over || (self.held.is_none() && self.next.is_none() && self.body.is_end_stream())
    }
}
