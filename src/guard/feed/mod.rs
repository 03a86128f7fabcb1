//! The revocation feed: a task that follows the auth service's log. Each stream resumes at the position of the last one.

mod hear;
mod stream;

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tonic::transport::{Channel, Endpoint};

use super::layers::QuestionChannel;
use super::shared_revocation_state::SharedRevocationState;
use super::{Token, jitter};
use stream::{Cause, Ended, Stream, connect};

/// First and maximum pause before a reconnection. Short, because every introspection needs a new request without the feed.
const PAUSES: [Duration; 2] = [Duration::from_millis(50), Duration::from_millis(400)];

/// Pause after a rejection by the auth service. A retry hardly changes the answer.
const REJECTION_PAUSE: Duration = Duration::from_secs(5);

/// The handle of the feed's task. Dropping it stops the feed.
#[derive(Debug)]
pub(super) struct Feed(JoinHandle<()>);

impl Feed {
    /// Starts to follow the auth service with this service key. The feed has a connection of its own, because a busy one
    /// would delay renewals. `questions` changes its channel when the feed has reconnected after a fault.
    pub(super) fn follow(
        endpoint: Endpoint,
        key: &Token,
        revocation_state: Arc<SharedRevocationState>,
        questions: QuestionChannel,
    ) -> Self {
        let ([pause, _], key) = (PAUSES, key.clone());
        let said = [false; 2];
        let follower =
            Follower { endpoint, key, revocation_state, questions, digest: Vec::new(), pause, said, lost: None };
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
    revocation_state: Arc<SharedRevocationState>,
    questions: QuestionChannel,
    /// The key list's digest in the last greeting or a later message.
    digest: Vec<u8>,
    /// Maximum pause before the next attempt.
    pause: Duration,
    /// Set once the loss of the stream, and once a rejection, is logged. Cleared by the next stream.
    said: [bool; 2],
    /// Start of the current outage.
    lost: Option<Instant>,
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
                Ended::Failed(cause) => {
                    self.lost.get_or_insert_with(Instant::now);
                    self.failed(&cause)
                }
            };
            sleep(wait).await;
            let [_, longest] = PAUSES;
            self.pause = (self.pause * 2).min(longest);
        }
    }

    /// Logs the failure once per outage, and once more for a rejection. Returns the pause before the next attempt.
    fn failed(&mut self, cause: &Cause) -> Duration {
        let [away, refused] = &mut self.said;
        let is_news = !*away || (cause.is_rejection() && !*refused);
        (*away, *refused) = (true, *refused || cause.is_rejection());
        if is_news {
            tracing::warn!(%cause, "revocation feed lost: each token is verified again after 1 s");
        }
        if cause.is_rejection() { REJECTION_PAUSE } else { jitter::full(self.pause) }
    }

    /// Runs one stream from start to end.
    async fn stream(&mut self, channel: Option<Channel>) -> Ended {
        let channel = match channel {
            Some(channel) => channel,
            None => match connect(&self.endpoint).await {
                Ok(channel) => channel,
                Err(cause) => return Ended::Failed(cause),
            },
        };
        let counters = self.revocation_state.metrics().counters();
        match Stream::open(channel, &self.key, &self.revocation_state, &mut self.digest).await {
            Ok(stream) => {
                [self.pause, _] = PAUSES;
                let [was_away, _] = std::mem::take(&mut self.said);
                if was_away {
                    tracing::info!("revocation feed restored");
                }
                counters.fed(true);
                if let Some(lost) = self.lost.take() {
                    self.questions.leave(lost);
                }
                let ended = stream.listen(&self.endpoint).await;
                // The next stream replaces an overtaken one at once.
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
        self.revocation_state.metrics().counters().fed(false);
    }
}

#[cfg(test)]
mod tests {
    use tonic::Code;
    use tracing::subscriber::set_default;

    use super::super::log_lines::LogLines;
    use super::*;
    use crate::Uptime;

    #[tokio::test]
    async fn refusal_is_logged_after_an_outage_too() {
        let fail = |causes: &[Cause]| {
            let endpoint = Endpoint::from_static("http://127.0.0.1:1");
            let mut follower = Follower {
                questions: QuestionChannel::to(endpoint.clone(), Duration::from_millis(500)),
                endpoint,
                key: Token::parse("key").unwrap(),
                revocation_state: Arc::new(SharedRevocationState::new(Uptime::manual())),
                digest: Vec::new(),
                pause: PAUSES[0],
                said: [false; 2],
                lost: None,
            };
            causes.iter().map(|cause| follower.failed(cause)).max()
        };
        let causes = [Cause::Silent, Cause::Silent, Cause::Status(Code::Unauthenticated), Cause::Silent];
        // The breaker's test explains this first run without the log.
        fail(&causes);
        let log = LogLines::of("gatepost::guard::feed");
        let listening = set_default(log.clone());
        assert_eq!(fail(&causes), Some(REJECTION_PAUSE));
        drop(listening);
        let heard = log.heard();
        assert!(
            matches!(&heard[..], [away, refused] if away.contains("silent") && refused.contains("AUTH_SERVICE_KEY")),
            "{heard:?}"
        );
    }
}
