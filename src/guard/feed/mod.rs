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

use super::endpoints::{AuthEndpoints, DialedEndpoint};
use super::jitter;
use super::shared_revocation_state::SharedRevocationState;
use stream::{FeedConnection, FeedFailure, FeedStream, StreamEnd};

#[cfg(feature = "testing")]
pub(crate) use apply::apply as apply_message;
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
    /// Starts to follow one endpoint with this credential, and another one when that endpoint fails. The feed has a
    /// connection of its own, because a busy one would delay renewals. When the feed has reconnected after a fault, the
    /// endpoints replace their silent channels.
    pub(super) fn start(
        endpoints: AuthEndpoints,
        credential: FeedCredential,
        revocation_state: Arc<SharedRevocationState>,
    ) -> Self {
        let (pause, logged) = (FIRST_RECONNECT_PAUSE, LoggedFailures::default());
        let follower = FeedFollower {
            endpoints,
            last: None,
            credential,
            revocation_state,
            digest: Vec::new(),
            pause,
            rejections: 0,
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
    endpoints: AuthEndpoints,
    /// The endpoint of the last stream. The next stream goes to another one, if possible.
    last: Option<Arc<DialedEndpoint>>,
    credential: FeedCredential,
    revocation_state: Arc<SharedRevocationState>,
    /// The key list's digest in the last greeting or a later message.
    digest: Vec<u8>,
    /// Maximum pause before the next attempt.
    pause: Duration,
    /// Consecutive rejections.
    rejections: usize,
    logged: LoggedFailures,
    /// Start of the current outage.
    lost: Option<Instant>,
}

/// Returns the maximum pause after one more failure.
fn longer_pause(pause: Duration) -> Duration {
    (pause * 2).min(MAX_RECONNECT_PAUSE)
}

/// The failures of an outage that the log has. The next stream clears them.
#[derive(Clone, Copy, Default)]
struct LoggedFailures {
    loss: bool,
    rejection: bool,
}

impl FeedFollower {
    async fn follow(mut self) -> Infallible {
        let mut connection = None;
        loop {
            let wait = match self.stream(connection.take()).await {
                StreamEnd::Overtaken(next) => {
                    connection = Some(next);
                    continue;
                }
                StreamEnd::Closed => jitter::full(self.pause),
                StreamEnd::Failed(cause) => {
                    self.lost.get_or_insert_with(Instant::now);
                    self.log_failure(&cause)
                }
            };
            sleep(wait).await;
            self.pause = longer_pause(self.pause);
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
        self.rejections = if cause.is_rejection() { self.rejections + 1 } else { 0 };
        // Another endpoint may have another service key, while operators change the key.
        let is_rejected_everywhere =
            self.rejections > 0 && self.rejections.is_multiple_of(self.endpoints.count().max(1));
        if is_rejected_everywhere { REJECTION_PAUSE } else { jitter::full(self.pause) }
    }

    /// Runs one stream from start to end.
    async fn stream(&mut self, connection: Option<FeedConnection>) -> StreamEnd {
        let connection = if let Some(connection) = connection {
            connection
        } else {
            let endpoint = self.endpoints.for_feed(self.last.as_ref()).await;
            self.last = Some(Arc::clone(&endpoint));
            match FeedConnection::open(endpoint).await {
                Ok(connection) => connection,
                Err(cause) => return self.fail(cause),
            }
        };
        self.last = Some(Arc::clone(&connection.endpoint));
        let counters = self.revocation_state.metrics().counters();
        match FeedStream::open(connection.channel, &self.credential, &self.revocation_state, &mut self.digest).await {
            Ok(stream) => {
                self.pause = FIRST_RECONNECT_PAUSE;
                if std::mem::take(&mut self.logged).loss {
                    tracing::info!("revocation feed restored");
                }
                counters.fed(true);
                if let Some(lost) = self.lost.take() {
                    self.endpoints.replace_if_silent_since(lost);
                }
                self.rejections = 0;
                let ended = stream.run(&self.endpoints).await;
                // The next stream replaces an overtaken one at once.
                counters.fed(matches!(ended, StreamEnd::Overtaken(_)));
                match ended {
                    StreamEnd::Failed(cause) => self.fail(cause),
                    ended => ended,
                }
            }
            Err(cause) => {
                counters.fed(false);
                self.fail(cause)
            }
        }
    }

    /// Records the failure of the last endpoint, unless that one rejects the guard: it may still answer requests.
    fn fail(&self, cause: FeedFailure) -> StreamEnd {
        if let Some(endpoint) = self.last.as_ref().filter(|_| !cause.is_rejection()) {
            self.endpoints.record_failure(endpoint, &cause.to_string());
        }
        StreamEnd::Failed(cause)
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
    use super::super::endpoints::EndpointTarget;
    use super::super::log_lines::LogLines;
    use super::*;
    use crate::Uptime;

    #[tokio::test]
    async fn panic_of_the_feed_is_reported() {
        let feed = RevocationFeed::spawn(async { panic!("as the test requested") });
        feed.died().await;
        let feed = RevocationFeed::spawn(std::future::pending());
        assert!(tokio::time::timeout(Duration::from_millis(10), feed.died()).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn dropped_feed_ends_its_task() {
        let (held, released) = watch::channel(());
        let feed = RevocationFeed::spawn(async move {
            let _held = held;
            std::future::pending().await
        });
        // The task runs, so only its end releases the channel.
        tokio::task::yield_now().await;
        drop(feed);
        let mut released = released;
        let change = tokio::time::timeout(Duration::from_secs(1), released.changed()).await;
        assert!(change.is_ok_and(|sent| sent.is_err()), "the task still runs");
    }

    #[test]
    fn pause_doubles_up_to_its_maximum() {
        let pauses = std::iter::successors(Some(FIRST_RECONNECT_PAUSE), |pause| Some(longer_pause(*pause)));
        let millis: Vec<_> = pauses.take(5).map(|pause| pause.as_millis()).collect();
        assert_eq!(millis, [50, 100, 200, 400, 400]);
    }

    /// Returns a follower of this number of endpoints.
    fn follower(endpoints: usize) -> FeedFollower {
        let target = || EndpointTarget::Custom(Box::new(Endpoint::from_static("http://127.0.0.1:1").into()));
        let targets: Vec<_> = std::iter::repeat_with(target).take(endpoints).collect();
        let revocation_state = Arc::new(SharedRevocationState::new(Uptime::manual()));
        let metrics = revocation_state.metrics().clone();
        FeedFollower {
            endpoints: AuthEndpoints::new(&targets, Duration::from_millis(500), metrics),
            last: None,
            credential: FeedCredential::ServiceKey(Token::parse("key").unwrap()),
            revocation_state,
            digest: Vec::new(),
            pause: FIRST_RECONNECT_PAUSE,
            rejections: 0,
            logged: LoggedFailures::default(),
            lost: None,
        }
    }

    #[tokio::test]
    async fn each_kind_of_failure_is_logged_once() {
        let rejected = || FeedFailure::Status(Code::Unauthenticated);
        let silent = || FeedFailure::Silent;
        let causes = [silent(), silent(), rejected(), rejected(), rejected(), silent()];
        let fail = || {
            let mut follower = follower(1);
            causes.each_ref().map(|cause| follower.log_failure(cause))
        };
        let log = LogLines::from_module("gatepost::guard::feed");
        fail();
        let listening = set_default(log.clone());
        let pauses = fail();
        drop(listening);
        assert_eq!(pauses.map(|pause| pause == REJECTION_PAUSE), [false, false, true, true, true, false], "{pauses:?}");
        assert!(pauses.iter().all(|pause| *pause == REJECTION_PAUSE || *pause <= FIRST_RECONNECT_PAUSE), "{pauses:?}");
        let logged = log.lines();
        assert!(
            matches!(&logged[..], [away, refused] if away.contains("silent") && refused.contains("AUTH_SERVICE_KEY")),
            "{logged:?}"
        );
    }

    #[tokio::test]
    async fn rejection_leaves_the_endpoint_up() {
        let mut follower = follower(2);
        follower.last = Some(follower.endpoints.for_feed(None).await);
        let down = |follower: &FeedFollower| follower.revocation_state.metrics().read().endpoints_down;
        follower.fail(FeedFailure::Status(Code::Unauthenticated));
        assert_eq!(down(&follower), 0);
        follower.fail(FeedFailure::Silent);
        assert_eq!(down(&follower), 1);
    }

    #[tokio::test]
    async fn dropped_follower_feeds_no_guard() {
        let follower = follower(1);
        let metrics = follower.revocation_state.metrics().clone();
        metrics.counters().fed(true);
        drop(follower);
        assert!(!metrics.read().is_fed);
    }
}
