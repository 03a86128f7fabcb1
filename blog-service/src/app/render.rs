//! Rendering of contents. Large ones are rendered outside of the executor's threads, a few at a time.

use std::panic::resume_unwind;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{spawn_blocking, yield_now};

use crate::domain::{Body, Content, HtmlTooLarge, Rendering};

/// Largest content that is rendered at once, in bytes. It takes about as long as a write of the post.
const MAX_BYTES_AT_ONCE: usize = 8 * 1024;

/// Number of large contents that are rendered at the same time. Each takes up to half a second and 200 MiB.
const MAX_LARGE: usize = 2;

/// Number of renderings that are written back at the same time. A read beyond them leaves its rendering to the next read.
const MAX_WRITES: usize = 2;

/// Turns of the work on renderings.
#[derive(Debug)]
pub(crate) struct Renderer {
    large: Arc<Semaphore>,
    writes: Arc<Semaphore>,
}

impl Default for Renderer {
    fn default() -> Self {
        Self { large: Arc::new(Semaphore::new(MAX_LARGE)), writes: Arc::new(Semaphore::new(MAX_WRITES)) }
    }
}

impl Renderer {
    /// Renders a content. A large one waits for its turn. The wait ends when the caller leaves.
    pub(crate) async fn render(&self, content: Content) -> Result<Body, HtmlTooLarge> {
        if content.as_str().len() <= MAX_BYTES_AT_ONCE {
            return Body::from_content(content);
        }
        self.off_thread(move || Body::from_content(content)).await
    }

    async fn off_thread<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        // The semaphore is never closed.
        let turn = Arc::clone(&self.large).acquire_owned().await.ok();
        let rendering = spawn_blocking(move || {
            // Held until the end, also if the caller leaves.
            let _turn = turn;
            work()
        });
        match rendering.await {
            Ok(done) => done,
            Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
            // The runtime ends, and so does the call.
            Err(_) => std::future::pending().await,
        }
    }

    /// Returns a turn to store a rendering, if one is free.
    pub(crate) fn turn_to_write(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.writes).try_acquire_owned().ok()
    }

    /// Renders a stored content.
    pub(crate) async fn again(&self, content: &str) -> Rendering {
        let rendered = if content.len() <= MAX_BYTES_AT_ONCE {
            // A page may have very many outdated posts: other calls run between two of them.
            yield_now().await;
            Rendering::from_markdown(content)
        } else {
            let content = content.to_owned();
            self.off_thread(move || Rendering::from_markdown(&content)).await
        };
        // A post of an earlier version may be too large. It has no HTML then.
        rendered.unwrap_or(Rendering { html: String::new(), excerpt: String::new() })
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Waker};

    use super::*;

    #[test]
    fn outdated_post_lets_other_calls_run() {
        let renderer = Renderer::default();
        let mut again = pin!(renderer.again("text"));
        let mut context = Context::from_waker(Waker::noop());
        assert!(again.as_mut().poll(&mut context).is_pending());
    }
}
