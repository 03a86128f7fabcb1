//! The request body of an open call.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http_body::Frame;
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::Bytes;

use super::super::Verify;
use super::watch::{Judging, Watch};

/// A request body. A rejection ends it with the rejection's status.
pub(super) struct Messages<V: Verify> {
    body: Body,
    watch: Arc<Watch<V>>,
    /// True until the first message.
    is_first: bool,
    /// A frame and its pending judgment.
    held: Option<(Frame<Bytes>, Judging)>,
    is_over: bool,
}

impl<V: Verify> Messages<V> {
    pub(super) fn new(body: Body, watch: Arc<Watch<V>>) -> Self {
        Self { body, watch, is_first: true, held: None, is_over: false }
    }

    fn end(&mut self) {
        self.is_over = true;
        self.watch.end_messages();
    }
}

impl<V: Verify> http_body::Body for Messages<V> {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        if this.is_over {
            return Poll::Ready(None);
        }
        loop {
            if let Some(rejection) = this.watch.rejection() {
                this.end();
                return Poll::Ready(Some(Err(rejection.into())));
            }
            if let Some((_, judging)) = &mut this.held {
                if let Err(rejection) = ready!(judging.as_mut().poll(cx)) {
                    this.watch.refuse(rejection);
                    continue;
                }
                return Poll::Ready(this.held.take().map(|(frame, _)| Ok(frame)));
            }
            match Pin::new(&mut this.body).poll_frame(cx) {
                Poll::Pending => {
                    this.watch.wake_at_end(cx);
                    if this.watch.rejection().is_none() {
                        return Poll::Pending;
                    }
                }
                Poll::Ready(Some(Ok(frame))) if frame.is_data() => {
                    if is_empty(&frame) || this.watch.is_entering(std::mem::take(&mut this.is_first)) {
                        return Poll::Ready(Some(Ok(frame)));
                    }
                    this.held = Some((frame, this.watch.judging()));
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
impl<V: Verify> Drop for Messages<V> {
    fn drop(&mut self) {
        self.watch.end_messages();
    }
}
