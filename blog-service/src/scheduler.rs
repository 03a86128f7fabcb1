//! Publishes scheduled posts at their times, in the background.

use std::time::Duration;

use chrono::{DateTime, Utc};
use kit::Clock;
use kit::shutdown::Shutdown;
use tokio::time::sleep;

use crate::store::{BlogStore, PublishedPosts, StoreError};

/// Longest pause between two polls: a post is published at most this late.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// Pause after a poll that left due posts, which another replica may be publishing.
const RETRY_INTERVAL: Duration = Duration::from_millis(50);

/// Longest pause while the database does not answer.
const MAX_OUTAGE_PAUSE: Duration = Duration::from_secs(4);

/// Publishes scheduled posts until `stop`.
///
/// All replicas do this. The store's statement publishes only posts that are still scheduled, so one replica publishes
/// each post.
pub(crate) async fn publish_scheduled(store: BlogStore, clock: Clock, stop: Shutdown) {
    let publishing = async {
        let mut pauses = Pauses::default();
        loop {
            let now = clock.now();
            let published = store.publish_due_posts(now).await;
            sleep(pauses.after(&published, now)).await;
        }
    };
    let _: Option<std::convert::Infallible> = stop.run_until_cancelled(Box::pin(publishing)).await;
}

/// Pauses between polls.
#[derive(Debug, Default)]
struct Pauses {
    /// Number of polls that have failed since the last success.
    failures: u32,
}

impl Pauses {
    /// Returns the pause after a poll that began at `now`. Logs an outage once, and posts that were published.
    fn after(&mut self, published: &Result<PublishedPosts, StoreError>, now: DateTime<Utc>) -> Duration {
        let PublishedPosts { count, next } = match published {
            Ok(published) => *published,
            Err(error) => {
                if self.failures == 0 {
                    let cause = error as &(dyn std::error::Error + 'static);
                    tracing::warn!(cause, "scheduled posts not published for now");
                }
                let pause = POLL_INTERVAL.saturating_mul(1 << self.failures.min(2)).min(MAX_OUTAGE_PAUSE);
                self.failures += 1;
                return pause;
            }
        };
        if self.failures > 0 {
            tracing::info!("publication of scheduled posts resumed");
        }
        self.failures = 0;
        if count > 0 {
            tracing::debug!(posts = count, "scheduled posts published");
        }
        let until = next.map(|next| (next - now).to_std().unwrap_or_default());
        match until {
            // More posts are due than one statement publishes.
            Some(Duration::ZERO) if count > 0 => Duration::ZERO,
            Some(until) => until.clamp(RETRY_INTERVAL, POLL_INTERVAL),
            None => POLL_INTERVAL,
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;
    use testkit::start;

    use super::*;

    fn polled(count: u64, next: Option<TimeDelta>) -> PublishedPosts {
        PublishedPosts { count, next: next.map(|next| start() + next) }
    }

    #[test]
    fn next_poll_comes_at_the_next_due_time() {
        let mut pauses = Pauses::default();
        for (count, next, millis) in [
            (0, None, 1000),
            (3, None, 1000),
            (0, Some(TimeDelta::milliseconds(300)), 300),
            (1, Some(TimeDelta::milliseconds(300)), 300),
            (0, Some(TimeDelta::seconds(1)), 1000),
            (32, Some(TimeDelta::zero()), 0),
            // Another replica is publishing the posts: no busy loop.
            (0, Some(TimeDelta::zero()), 50),
            (0, Some(TimeDelta::microseconds(1)), 50),
        ] {
            assert_eq!(
                pauses.after(&Ok(polled(count, next)), start()),
                Duration::from_millis(millis),
                "{count} {next:?}"
            );
        }
    }

    #[test]
    fn pause_grows_in_an_outage_and_starts_again() {
        let away = || Err(StoreError::Full);
        let mut pauses = Pauses::default();
        for _ in 0..2 {
            let seen: Vec<u64> = (0..5).map(|_| pauses.after(&away(), start()).as_secs()).collect();
            assert_eq!(seen, [1, 2, 4, 4, 4]);
            assert_eq!(pauses.after(&Ok(polled(0, None)), start()), POLL_INTERVAL);
        }
    }
}
