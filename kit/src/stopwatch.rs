//! Measurement of elapsed time.

use std::time::Duration;

use tokio::time::Instant;

/// Stopwatch that counts from its start.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts a stopwatch at zero.
    #[must_use]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Returns the time since the start.
    #[must_use]
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn stopwatch_counts_from_its_start() {
        let watch = Stopwatch::start();
        tokio::time::advance(Duration::from_secs(7)).await;
        assert_eq!(watch.elapsed(), Duration::from_secs(7));
    }
}
