//! Follows the auth service's log of revocations: one stream after the other, each of which goes on where the last one was.

mod hear;
mod stream;

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tonic::transport::{Channel, Endpoint};

use super::knowledge::Knowledge;
use super::layers::QuestionChannel;
use super::{Token, jitter};
use stream::{Cause, Ended, Stream, connect};

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
    /// would make the renewals late. `questions` change their channel when the feed has changed its own after a fault.
    pub(super) fn follow(
        endpoint: Endpoint,
        key: &Token,
        knowledge: Arc<Knowledge>,
        questions: QuestionChannel,
    ) -> Self {
        let ([pause, _], key) = (PAUSES, key.clone());
        let said = [false; 2];
        let follower = Follower { endpoint, key, knowledge, questions, digest: Vec::new(), pause, said, lost: None };
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
    questions: QuestionChannel,
    /// Of the last greeting, or what has come of it since.
    digest: Vec<u8>,
    /// The longest pause before the next attempt.
    pause: Duration,
    /// Whether it has been said, since there was a stream, that there is none; and that there will be none by itself.
    said: [bool; 2],
    /// The time of the fault since which there is no stream.
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

    /// Says so, once until it is better, and once more when it is a refusal; and how long to wait.
    fn failed(&mut self, cause: &Cause) -> Duration {
        let [away, refused] = &mut self.said;
        let is_news = !*away || (cause.is_refusal() && !*refused);
        (*away, *refused) = (true, *refused || cause.is_refusal());
        if is_news {
            tracing::warn!(%cause, "no feed of revocations: each token is asked about again after a second");
        }
        if cause.is_refusal() { REFUSED } else { jitter::full(self.pause) }
    }

    /// One stream, from its beginning to its end.
    async fn stream(&mut self, channel: Option<Channel>) -> Ended {
        let channel = match channel {
            Some(channel) => channel,
            None => match connect(&self.endpoint).await {
                Ok(channel) => channel,
                Err(cause) => return Ended::Failed(cause),
            },
        };
        let counters = self.knowledge.metrics().counters();
        match Stream::open(channel, &self.key, &self.knowledge, &mut self.digest).await {
            Ok(stream) => {
                [self.pause, _] = PAUSES;
                let [was_away, _] = std::mem::take(&mut self.said);
                if was_away {
                    tracing::info!("the feed of revocations is there again");
                }
                counters.fed(true);
                if let Some(lost) = self.lost.take() {
                    self.questions.leave(lost);
                }
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

#[cfg(test)]
mod tests {
    use tonic::Code;
    use tracing::subscriber::set_default;

    use super::super::log_lines::LogLines;
    use super::*;
    use crate::Uptime;

    #[tokio::test]
    async fn a_refusal_is_said_although_the_service_was_away_before() {
        let fail = |causes: &[Cause]| {
            let endpoint = Endpoint::from_static("http://127.0.0.1:1");
            let mut follower = Follower {
                questions: QuestionChannel::to(endpoint.clone(), Duration::from_millis(500)),
                endpoint,
                key: Token::parse("key").unwrap(),
                knowledge: Arc::new(Knowledge::new(Uptime::manual())),
                digest: Vec::new(),
                pause: PAUSES[0],
                said: [false; 2],
                lost: None,
            };
            causes.iter().map(|cause| follower.failed(cause)).max()
        };
        let causes = [Cause::Silent, Cause::Silent, Cause::Status(Code::Unauthenticated), Cause::Silent];
        // Once without the log, for the reason that the breaker's test gives.
        fail(&causes);
        let log = LogLines::of("gatepost::guard::feed");
        let listening = set_default(log.clone());
        assert_eq!(fail(&causes), Some(REFUSED));
        drop(listening);
        let heard = log.heard();
        assert!(
            matches!(&heard[..], [away, refused] if away.contains("silent") && refused.contains("AUTH_SERVICE_KEY")),
            "{heard:?}"
        );
    }
}
