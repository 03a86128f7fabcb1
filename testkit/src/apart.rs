//! Work that must not depend on the runtime of the test that asks for it: not on its end, and not on its clock.

use std::thread;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

/// A runtime for one thread.
#[expect(clippy::expect_used, reason = "no test can run without a runtime")]
pub(crate) fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// Does the work in a thread and a runtime of its own, to its end even if nobody waits for it any more.
///
/// # Panics
/// When the work panics.
#[expect(clippy::expect_used, reason = "the panic has been printed where it happened")]
pub(crate) async fn apart<W, T>(work: W) -> T
where
    W: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let (done, result) = oneshot::channel();
    // Whoever waited may have gone.
    thread::spawn(move || drop(done.send(runtime().block_on(work))));
    result.await.expect("the work comes to its end")
}

/// The same where nothing can be awaited: blocks until the work has ended, and leaves its panics where they are.
pub(crate) fn apart_blocking(work: impl Future<Output = ()> + Send + 'static) {
    drop(thread::spawn(move || runtime().block_on(work)).join());
}
