//! A limit in time that costs nothing where it is not needed.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout_at};

/// What `future` comes to, unless it takes until `deadline` or longer. No timer is made for one that is ready at once, as a
/// verdict is that is kept.
pub(super) async fn until<F: Future>(deadline: Instant, mut future: Pin<&mut F>) -> Result<F::Output, Elapsed> {
    match poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await {
        Poll::Ready(output) => Ok(output),
        Poll::Pending => timeout_at(deadline, future).await,
    }
}
