//! A time limit without a timer for futures that are ready at once.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout_at};

/// Waits for `future`, and fails at `deadline`. Makes no timer if the future is ready at once, as a cached
/// introspection is.
pub(super) async fn until<F: Future>(deadline: Instant, mut future: Pin<&mut F>) -> Result<F::Output, Elapsed> {
    match poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await {
        Poll::Ready(output) => Ok(output),
        Poll::Pending => timeout_at(deadline, future).await,
    }
}
