//! The request body of an open call.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http_body::Frame;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::Bytes;

use super::super::Verify;
use super::open_call::{HeldFrame, OpenCall};

impl<V: Verify> OpenCall<V> {
    /// Returns the request body with checked messages.
    pub(in super::super) fn check_request(self: &Arc<Self>, body: Body) -> Body {
        Body::new(CheckedRequest::new(body, Arc::clone(self)))
    }
}

/// A request body. A rejection ends it with the rejection's status.
struct CheckedRequest<V: Verify> {
    body: Body,
    call: Arc<OpenCall<V>>,
    /// True until the first message.
    is_first: bool,
    /// A frame and its pending check.
    held: Option<HeldFrame>,
    is_over: bool,
}

impl<V: Verify> CheckedRequest<V> {
    fn new(body: Body, call: Arc<OpenCall<V>>) -> Self {
        Self { body, call, is_first: true, held: None, is_over: false }
    }

    fn end(&mut self) {
        self.is_over = true;
        self.call.end_messages();
    }
}

impl<V: Verify> http_body::Body for CheckedRequest<V> {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        if this.is_over {
            return Poll::Ready(None);
        }
        loop {
            if let Some(rejection) = this.call.rejection() {
                this.end();
                return Poll::Ready(Some(Err(rejection.into())));
            }
            if let Some(held) = &mut this.held {
                if let Err(rejection) = ready!(held.check.as_mut().poll(cx)) {
                    this.call.reject(rejection);
                    continue;
                }
                return Poll::Ready(this.held.take().map(|held| Ok(held.frame)));
            }
            match Pin::new(&mut this.body).poll_frame(cx) {
                Poll::Pending => {
                    this.call.wake_at_end(cx);
                    if this.call.rejection().is_none() {
                        return Poll::Pending;
                    }
                }
                Poll::Ready(Some(Ok(frame))) if frame.is_data() => {
                    if is_empty(&frame) || this.call.is_admitting(std::mem::take(&mut this.is_first)) {
                        return Poll::Ready(Some(Ok(frame)));
                    }
                    this.held = Some(HeldFrame { frame, check: this.call.check() });
                }
                Poll::Ready(last) => {
                    this.end();
                    return Poll::Ready(last);
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.is_over || (self.held.is_none() && self.body.is_end_stream())
    }
}

/// Returns true for a frame without data. Requests often end in one.
fn is_empty(frame: &Frame<Bytes>) -> bool {
    frame.data_ref().is_none_or(Bytes::is_empty)
}

/// The handler wants no more messages.
impl<V: Verify> Drop for CheckedRequest<V> {
    fn drop(&mut self) {
        self.call.end_messages();
    }
}
