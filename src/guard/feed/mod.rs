//! The revocation feed: a task that follows the auth service's log. Each stream resumes at the position of the last
//! one.

mod apply;
mod stream;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tonic::transport::Channel;

use super::jitter;
use super::layers::ReplaceableChannel;
use super::shared_revocation_state::SharedRevocationState;
use crate::dial::Dialer;
use stream::{FeedFailure, FeedStream, StreamEnd, connect};

pub(super) use stream::FeedCredential;

/// First pause before a reconnection. Short, because every introspection needs a new request without the feed.
const FIRST_RECONNECT_PAUSE: Duration = Duration::from_millis(50);

/// Maximum pause before a reconnection.
const MAX_RECONNECT_PAUSE: Duration = Duration::from_millis(400);

/// Pause after a rejection by the auth service. A retry hardly changes the answer.
const REJECTION_PAUSE: Duration = Duration::from_secs(5);

/// The handle of the feed's task. Dropping it stops the feed.
#[derive(Debug)]
pub(super) struct RevocationFeed {
    task: JoinHandle<()>,
    /// Closed when the task has ended.
    alive: watch::Receiver<()>,
}

impl RevocationFeed {
    /// Starts to follow the auth service with this credential. The feed has a connection of its own, because a busy
    /// one would delay renewals. `verify_channel` is replaced when the feed has reconnected after a fault.
    pub(super) fn start(
        dialer: Dialer,
        credential: FeedCredential,
        revocation_state: Arc<SharedRevocationState>,
        verify_channel: ReplaceableChannel,
    ) -> Self {
        let (pause, logged) = (FIRST_RECONNECT_PAUSE, LoggedFailures::default());
        let follower = FeedFollower {
            dialer,
            credential,
            revocation_state,
            verify_channel,
            digest: Vec::new(),
            pause,
            logged,
            lost: None,
        };
        Self::spawn(follower.follow())
    }

    fn spawn(following: impl Future<Output = Infallible> + Send + 'static) -> Self {
        let (ended, alive) = watch::channel(());
        let task = tokio::spawn(async move {
            let _ended = ended;
            match following.await {}
        });
        Self { task, alive }
    }

    /// Waits until the task has panicked.
    pub(super) async fn died(&self) {
        let mut alive = self.alive.clone();
        // The task sends nothing.
        while alive.changed().await.is_ok() {}
    }
}

impl Drop for RevocationFeed {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct FeedFollower {
    dialer: Dialer,
    credential: FeedCredential,
    revocation_state: Arc<SharedRevocationState>,
    verify_channel: ReplaceableChannel,
    /// The key list's digest in the last greeting or a later message.
    digest: Vec<u8>,
    /// Maximum pause before the next attempt.
    pause: Duration,
    logged: LoggedFailures,
    /// Start of the current outage.
    lost: Option<Instant>,
}

/// The failures of an outage that the log has. The next stream clears them.
#[derive(Clone, Copy, Default)]
struct LoggedFailures {
    loss: bool,
    rejection: bool,
}

impl FeedFollower {
    async fn follow(mut self) -> Infallible {
        let mut channel = None;
        loop {
            let wait = match self.stream(channel.take()).await {
                StreamEnd::Overtaken(next) => {
                    channel = Some(next);
                    continue;
                }
                StreamEnd::Closed => jitter::full(self.pause),
                StreamEnd::Failed(cause) => {
                    self.lost.get_or_insert_with(Instant::now);
                    self.log_failure(&cause)
                }
            };
            sleep(wait).await;
            self.pause = (self.pause * 2).min(MAX_RECONNECT_PAUSE);
        }
    }

    /// Logs the failure once per outage, and once more for a rejection. Returns the pause before the next attempt.
    fn log_failure(&mut self, cause: &FeedFailure) -> Duration {
        let LoggedFailures { loss, rejection } = self.logged;
        let is_news = !loss || (cause.is_rejection() && !rejection);
        self.logged = LoggedFailures { loss: true, rejection: rejection || cause.is_rejection() };
        if is_news {
            tracing::warn!(%cause, "revocation feed lost: each token is verified again after 1 s");
        }
        if cause.is_rejection() { REJECTION_PAUSE } else { jitter::full(self.pause) }
    }

    /// Runs one stream from start to end.
    async fn stream(&mut self, channel: Option<Channel>) -> StreamEnd {
        let channel = match channel {
            Some(channel) => channel,
            None => match connect(&self.dialer).await {
                Ok(channel) => channel,
                Err(cause) => return StreamEnd::Failed(cause),
            },
        };
        let counters = self.revocation_state.metrics().counters();
        match FeedStream::open(channel, &self.credential, &self.revocation_state, &mut self.digest).await {
            Ok(stream) => {
                self.pause = FIRST_RECONNECT_PAUSE;
                if std::mem::take(&mut self.logged).loss {
                    tracing::info!("revocation feed restored");
                }
                counters.fed(true);
                if let Some(lost) = self.lost.take() {
                    self.verify_channel.replace_if_silent_since(lost);
                }
                let ended = stream.run(&self.dialer).await;
                // The next stream replaces an overtaken one at once.
                counters.fed(matches!(ended, StreamEnd::Overtaken(_)));
                ended
            }
            Err(cause) => {
                counters.fed(false);
                StreamEnd::Failed(cause)
            }
        }
    }
}

impl Drop for FeedFollower {
    fn drop(&mut self) {
        self.revocation_state.metrics().counters().fed(false);
    }
}

#[cfg(test)]
mod tests {
    use tonic::Code;
    use tonic::transport::Endpoint;
    use tracing::subscriber::set_default;

    use super::super::Token;
    use super::super::log_lines::LogLines;
    use super::*;
    use crate::Uptime;

    #[tokio::test]
    async fn panic_of_the_feed_is_reported() {
        let feed = RevocationFeed::spawn(async { panic!("as the test wished") });
        feed.died().await;
        let feed = RevocationFeed::spawn(std::future::pending());
        assert!(tokio::time::timeout(Duration::from_millis(10), feed.died()).await.is_err());
    }

    #[tokio::test]
    async fn rejection_is_logged_after_an_outage_too() {
        let fail = |causes: &[FeedFailure]| {
            let endpoint = Endpoint::from_static("http://127.0.0.1:1");
            let mut follower = FeedFollower {
                verify_channel: ReplaceableChannel::from_endpoint(endpoint.clone(), Duration::from_millis(500)),
                dialer: endpoint.into(),
                credential: FeedCredential::ServiceKey(Token::parse("key").unwrap()),
                revocation_state: Arc::new(SharedRevocationState::new(Uptime::manual())),
                digest: Vec::new(),
                pause: FIRST_RECONNECT_PAUSE,
                logged: LoggedFailures::default(),
                lost: None,
            };
            causes.iter().map(|cause| follower.log_failure(cause)).max()
        };
        let causes =
            [FeedFailure::Silent, FeedFailure::Silent, FeedFailure::Status(Code::Unauthenticated), FeedFailure::Silent];
        // The breaker's test explains this first run without the log.
        fail(&causes);
        let log = LogLines::from_module("gatepost::guard::feed");
        let listening = set_default(log.clone());
        assert_eq!(fail(&causes), Some(REJECTION_PAUSE));
        drop(listening);
        let logged = log.lines();
        assert!(
            matches!(&logged[..], [away, refused] if away.contains("silent") && refused.contains("AUTH_SERVICE_KEY")),
            "{logged:?}"
        );
    }
}
