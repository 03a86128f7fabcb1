//! Follows the auth service's log of revocations: one stream after the other, each of which goes on where the last one was.

mod hear;
mod stream;

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::sleep;
use tonic::transport::{Channel, Endpoint};

use super::knowledge::Knowledge;
use super::{Token, jitter};
use stream::{Cause, Ended, Stream};

/// The longest pause before the next attempt, at first and at the most: short, since every verdict is asked for anew
/// meanwhile.
const PAUSES: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(400)];

/// The pause after a refusal, which another attempt will hardly change.
const REFUSED: Duration = Duration::from_secs(5);

/// Keeps the knowledge true, for as long as it lives.
#[derive(Debug)]
pub(super) struct Feed(JoinHandle<()>);

impl Feed {
    /// Follows the auth service at this place, as the service that has this key. A connection of its own, since a busy one
    /// would make the renewals late.
    pub(super) fn follow(endpoint: Endpoint, key: &Token, knowledge: Arc<Knowledge>) -> Self {
        let ([pause, _], key) = (PAUSES, key.clone());
        let follower = Follower { endpoint, key, knowledge, digest: Vec::new(), pause, is_away: false };
        Self(tokio::spawn(follower.follow()))
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.0.abort();
    }
}

struct Follower {
    endpoint: Endpoint,
    key: Token,
    knowledge: Arc<Knowledge>,
    /// Of the last greeting, or what has come of it since.
    digest: Vec<u8>,
    /// The longest pause before the next attempt.
    pause: Duration,
    /// Whether the last attempt has failed.
    is_away: bool,
}

impl Follower {
    async fn follow(mut self) {
        let mut channel = None;
        loop {
            let wait = match self.stream(channel.take()).await {
                Ended::Overtaken(next) => {
                    channel = Some(next);
                    continue;
                }
                Ended::Closed => jitter::full(self.pause),
                Ended::Failed(cause) => self.failed(&cause),
            };
            sleep(wait).await;
            let [_, longest] = PAUSES;
            self.pause = (self.pause * 2).min(longest);
        }
    }

    /// Says so, once until it is better, and how long to wait.
    fn failed(&mut self, cause: &Cause) -> Duration {
        if !std::mem::replace(&mut self.is_away, true) {
            tracing::warn!(%cause, "no feed of revocations: each token is asked about again after a second");
        }
        if cause.is_refusal() { REFUSED } else { jitter::full(self.pause) }
    }

    /// One stream, from its beginning to its end.
    async fn stream(&mut self, channel: Option<Channel>) -> Ended {
        let channel = match channel {
            Some(channel) => channel,
            None => match self.endpoint.connect().await {
                Ok(channel) => channel,
                Err(error) => return Ended::Failed(error.into()),
            },
        };
        let counters = self.knowledge.metrics().counters();
        match Stream::open(channel, &self.key, &self.knowledge, &mut self.digest).await {
            Ok(stream) => {
                [self.pause, _] = PAUSES;
                if std::mem::take(&mut self.is_away) {
                    tracing::info!("the feed of revocations is there again");
                }
                counters.fed(true);
                let ended = stream.listen(&self.endpoint).await;
                // The next one takes its place at once.
                counters.fed(matches!(ended, Ended::Overtaken(_)));
                ended
            }
            Err(cause) => {
                counters.fed(false);
                Ended::Failed(cause)
            }
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.knowledge.metrics().counters().fed(false);
    }
}
