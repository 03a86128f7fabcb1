//! Attempts that run together: the first one that ends is taken.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

/// The running attempts of one request.
pub(in crate::guard) struct Race<'a, T> {
    running: Vec<Pin<Box<dyn Future<Output = T> + Send + 'a>>>,
}

impl<'a, T> Race<'a, T> {
    /// Creates a race of one attempt.
    pub(in crate::guard) fn new(attempt: impl Future<Output = T> + Send + 'a) -> Self {
        Self { running: vec![Box::pin(attempt)] }
    }

    /// Adds an attempt.
    pub(in crate::guard) fn add(&mut self, attempt: impl Future<Output = T> + Send + 'a) {
        self.running.push(Box::pin(attempt));
    }

    /// Returns true if no attempt runs.
    pub(in crate::guard) fn is_over(&self) -> bool {
        self.running.is_empty()
    }

    /// Waits for the first attempt that ends. The others go on. The wait does not end if no attempt runs.
    pub(in crate::guard) async fn next(&mut self) -> T {
        poll_fn(|context| {
            for place in 0..self.running.len() {
                if let Poll::Ready(outcome) = self.running[place].as_mut().poll(context) {
                    // The order counts for nothing.
                    drop(self.running.swap_remove(place));
                    return Poll::Ready(outcome);
                }
            }
            Poll::Pending
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{sleep, timeout};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn first_attempt_to_end_is_taken() {
        let attempt = |millis| async move {
            sleep(Duration::from_millis(millis)).await;
            millis
        };
        let mut race = Race::new(attempt(30));
        race.add(attempt(10));
        race.add(attempt(20));
        let mut ended = Vec::new();
        while !race.is_over() {
            ended.push(race.next().await);
        }
        assert_eq!(ended, [10, 20, 30]);
        assert!(timeout(Duration::from_secs(1), race.next()).await.is_err());
    }
}
