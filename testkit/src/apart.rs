//! Work on its own runtime, independent of the end and the clock of the test's runtime.

use std::thread;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

/// Returns a runtime for one thread.
#[expect(clippy::expect_used, reason = "no test can run without a runtime")]
pub(crate) fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// Runs the work on its own thread and runtime. The work runs to its end even if the caller stops waiting.
///
/// # Panics
/// Panics if the work panics.
#[expect(clippy::expect_used, reason = "the panic has been printed where it happened")]
pub(crate) async fn apart<W, T>(work: W) -> T
where
    W: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let (done, result) = oneshot::channel();
    // The caller may have stopped waiting.
    thread::spawn(move || drop(done.send(runtime().block_on(work))));
    result.await.expect("the work comes to its end")
}

/// Runs the work on its own thread and runtime, and blocks until its end. Ignores its panics.
pub(crate) fn apart_blocking(work: impl Future<Output = ()> + Send + 'static) {
    drop(thread::spawn(move || runtime().block_on(work)).join());
}
