//! Life of a service: the process asks it to leave and to drain, and checks that its server is alive.

use std::time::Duration;

use tokio::time::sleep;

use crate::pulse::Pulse;
use crate::shutdown::Shutdown;

/// Longest delay between leaving and draining.
const MAX_DELAY: Duration = Duration::from_hours(1);

/// Life of a service. All clones share it.
///
/// A service stops in two steps. First it *leaves*: health says `NOT_SERVING`, `/readyz` answers 503, and calls go on,
/// so that balancers can move. Then it *drains*: it accepts no connection, sends GOAWAY, and waits for running calls.
#[derive(Clone, Debug)]
pub struct Lifecycle {
    leaving: Shutdown,
    draining: Shutdown,
    /// Cancelled to drain without the delay.
    hurry: Shutdown,
    /// Time between the two steps; `None` means until [`Lifecycle::stop`].
    delay: Option<Duration>,
    pulse: Pulse,
}

impl Lifecycle {
    /// Creates the life of a service that leaves with `leaving`, and drains after `delay` or with `hurry`.
    pub(crate) fn new(leaving: Shutdown, hurry: Shutdown, delay: Duration) -> Self {
        Self { leaving, draining: Shutdown::new(), hurry, delay: Some(delay), pulse: Pulse::default() }
    }

    /// Returns the life of a service that leaves with this one, and drains only after its own [`stop`](Self::stop).
    #[must_use]
    pub fn behind(&self) -> Self {
        let draining = Shutdown::new();
        Self { draining, delay: None, pulse: Pulse::default(), ..self.clone() }
    }

    /// Lets the service leave and drain now.
    pub fn stop(&self) {
        self.leaving.cancel();
        self.draining.cancel();
    }

    /// Returns the token that is cancelled when the service leaves.
    pub fn leaving(&self) -> &Shutdown {
        &self.leaving
    }

    /// Returns the token that is cancelled when the service drains. The service's own streams end with it.
    pub fn draining(&self) -> &Shutdown {
        &self.draining
    }

    /// Returns the time between leaving and draining, if the service has such a time of its own.
    pub(crate) fn delay(&self) -> Option<Duration> {
        self.delay.filter(|delay| !delay.is_zero() && !self.hurry.is_cancelled())
    }

    /// Waits until the service must drain, and lets it drain.
    pub(crate) async fn until_drain(&self) {
        let due = async {
            self.leaving.cancelled().await;
            match self.delay {
                Some(Duration::ZERO) => {}
                Some(delay) => drop(self.hurry.run_until_cancelled(sleep(delay)).await),
                None => std::future::pending().await,
            }
        };
        self.draining.run_until_cancelled(due).await;
        self.stop();
    }

    /// Returns the server's signs of life.
    pub(crate) fn pulse(&self) -> &Pulse {
        &self.pulse
    }
}

/// A service without a delay: it leaves and drains with the token.
impl From<Shutdown> for Lifecycle {
    fn from(leaving: Shutdown) -> Self {
        Self::new(leaving, Shutdown::new(), Duration::ZERO)
    }
}

/// Parses the delay between leaving and draining, for clap.
///
/// # Errors
/// Fails with the text to write instead.
pub fn shutdown_delay(text: &str) -> Result<Duration, &'static str> {
    let delay = humantime::parse_duration(text).ok().filter(|delay| *delay <= MAX_DELAY);
    delay.ok_or("write a length of time of at most 1h, for example 3s, or 0")
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, timeout};

    use super::*;

    const DELAY: Duration = Duration::from_secs(3);

    #[tokio::test(start_paused = true)]
    async fn service_drains_after_the_delay() {
        let leaving = Shutdown::new();
        let life = Lifecycle::new(leaving.clone(), Shutdown::new(), DELAY);
        assert!(timeout(DELAY * 2, life.until_drain()).await.is_err(), "no stop is asked for");
        leaving.cancel();
        let begun = Instant::now();
        life.until_drain().await;
        assert_eq!((begun.elapsed().as_secs(), life.draining().is_cancelled()), (DELAY.as_secs(), true));
    }

    #[tokio::test(start_paused = true)]
    async fn hurry_and_stop_skip_the_delay() {
        let (leaving, hurry) = (Shutdown::new(), Shutdown::new());
        let life = Lifecycle::new(leaving.clone(), hurry.clone(), DELAY);
        let begun = Instant::now();
        leaving.cancel();
        hurry.cancel();
        life.until_drain().await;
        let life = Lifecycle::new(Shutdown::new(), Shutdown::new(), DELAY);
        life.stop();
        life.until_drain().await;
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn service_behind_another_leaves_with_it() {
        let leaving = Shutdown::new();
        let front = Lifecycle::new(leaving.clone(), Shutdown::new(), DELAY);
        let behind = front.behind();
        leaving.cancel();
        front.until_drain().await;
        assert!(behind.leaving().is_cancelled());
        assert!(timeout(Duration::from_hours(2), behind.until_drain()).await.is_err(), "it waits for its turn");
        behind.stop();
        behind.until_drain().await;
    }

    #[test]
    fn delay_has_a_bound() {
        assert_eq!(shutdown_delay("3s"), Ok(DELAY));
        assert_eq!(shutdown_delay("0"), Ok(Duration::ZERO));
        assert!(shutdown_delay("61m").is_err() && shutdown_delay("3").is_err());
    }
}
