//! One stream of the feed: greeting, renewals, messages, and the switch to the next stream.

use std::fmt;
use std::future::{pending, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Code, Request, Status, Streaming};

use super::super::Token;
use super::super::endpoints::{AuthEndpoints, DialedEndpoint};
use super::super::key_names::KeyNames;
use super::super::shared_revocation_state::SharedRevocationState;
use super::apply::apply;
use crate::api::auth::v1::token_service_client::TokenServiceClient;
use crate::api::auth::v1::watch_revocations_request::Message as FeedRequest;
use crate::api::auth::v1::watch_revocations_response::Message as FeedResponse;
use crate::api::auth::v1::{
    self, Acknowledge, Greeting, Renew, Resume, WatchRevocationsRequest, WatchRevocationsResponse,
};
use crate::revocation_state::{LogPosition, Renewals};

/// Minimum interval of renewals.
const MIN_RENEWAL_INTERVAL: Duration = Duration::from_millis(50);

/// Maximum interval of renewals.
const MAX_RENEWAL_INTERVAL: Duration = Duration::from_millis(500);

/// Time limit of the greeting, and maximum silence of a stream. The feed then tries the next stream.
const MAX_SILENCE: Duration = Duration::from_secs(2);

/// Pause after a failed connection for the next stream.
const REOPEN_PAUSE: Duration = Duration::from_secs(5);

/// Maximum number of unsent messages to the auth service.
const MAX_UNSENT_MESSAGES: usize = 64;

/// The end of a stream.
pub(super) enum StreamEnd {
    /// The auth service closed the stream.
    Closed,
    /// The next stream can start on this channel.
    Overtaken(FeedConnection),
    /// A fault ended the stream.
    Failed(FeedFailure),
}

/// A connection for a stream, and its endpoint.
pub(super) struct FeedConnection {
    pub(super) endpoint: Arc<DialedEndpoint>,
    pub(super) channel: Channel,
}

/// The cause of a lost stream. Remote messages are not repeated: they may contain secrets.
pub(super) enum FeedFailure {
    Transport(tonic::transport::Error),
    Status(Code),
    Silent,
    Senseless,
}

/// The credential that identifies the guard to the auth service as a service.
#[derive(Clone)]
pub(in crate::guard) enum FeedCredential {
    /// The service key, sent with each stream.
    ServiceKey(Token),
    /// The client certificate of the connection.
    #[cfg_attr(not(feature = "tls"), expect(dead_code, reason = "only TLS has client certificates"))]
    Certificate,
}

/// A stream after its greeting.
pub(super) struct FeedStream<'f> {
    requests: mpsc::Sender<WatchRevocationsRequest>,
    responses: Streaming<WatchRevocationsResponse>,
    greeting: Greeting,
    /// Set by the first message after the greeting. Until then the digest describes the last stream.
    has_messages: bool,
    revocation_state: &'f SharedRevocationState,
    digest: &'f mut Vec<u8>,
    renewals: Renewals,
    /// The newest revision that is not acknowledged.
    unacknowledged: Option<i64>,
}

impl<'f> FeedStream<'f> {
    /// Opens a stream at the position of the last one.
    pub(super) async fn open(
        channel: Channel,
        credential: &FeedCredential,
        revocation_state: &'f SharedRevocationState,
        digest: &'f mut Vec<u8>,
    ) -> Result<Self, FeedFailure> {
        let (requests, queue) = mpsc::channel(MAX_UNSENT_MESSAGES);
        let position = revocation_state.read(|state, _| state.position()).map(to_wire);
        send(&requests, FeedRequest::Resume(Resume { position, digest: digest.clone() }));
        let mut request = Request::new(ReceiverStream::new(queue));
        if let FeedCredential::ServiceKey(key) = credential {
            key.send_in(request.metadata_mut().as_mut());
        }
        let opening = async {
            let mut responses = TokenServiceClient::new(channel).watch_revocations(request).await?.into_inner();
            Ok((responses.message().await?, responses))
        };
        let opened: Result<_, Status> = timeout(MAX_SILENCE, opening).await.map_err(|_| FeedFailure::Silent)?;
        let (first, responses) = opened.map_err(|status| FeedFailure::Status(status.code()))?;
        let Some(FeedResponse::Greeting(mut greeting)) = first.and_then(|first| first.message) else {
            return Err(FeedFailure::Senseless);
        };
        // Earlier versions of the auth service list no keys.
        revocation_state.set_key_names(KeyNames::read(std::mem::take(&mut greeting.keys)));
        Ok(Self {
            requests,
            responses,
            greeting,
            has_messages: false,
            revocation_state,
            digest,
            renewals: Renewals::default(),
            unacknowledged: None,
        })
    }

    /// Processes messages until the stream ends or the next one is connected.
    pub(super) async fn run(mut self, endpoints: &AuthEndpoints) -> StreamEnd {
        let mut ticks = interval(self.interval());
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut reopen = positive(self.greeting.reopen_after).map(|wait| Instant::now() + wait);
        let mut next: Connecting<'_> = Box::pin(pending());
        loop {
            tokio::select! {
                // Messages come first: one may be an awaited answer.
                biased;
                response = self.responses.message() => match response {
                    Ok(Some(response)) => if let Err(cause) = self.apply(response) { return StreamEnd::Failed(cause) },
                    Ok(None) => return StreamEnd::Closed,
                    Err(status) => return StreamEnd::Failed(FeedFailure::Status(status.code())),
                },
                // One acknowledgment covers all messages that arrived together.
                () = ready(()), if self.unacknowledged.is_some() => self.acknowledge(),
                _ = ticks.tick() => if let Err(cause) = self.renew() { return StreamEnd::Failed(cause) },
                connected = &mut next => {
                    if let Ok(connection) = connected {
                        return StreamEnd::Overtaken(connection);
                    }
                    next = Box::pin(pending());
                    reopen = Some(Instant::now() + REOPEN_PAUSE);
                }
                () = sleep_until_some(reopen) => {
                    reopen = None;
                    // Any endpoint: so the streams spread over replicas that have started since.
                    next = Box::pin(async { FeedConnection::open(endpoints.for_feed(None).await).await });
                }
            }
        }
    }

    /// Returns the renewal interval of the auth service, clamped to the guard's limits.
    fn interval(&self) -> Duration {
        let interval = positive(self.greeting.renew_interval).unwrap_or(MAX_RENEWAL_INTERVAL);
        interval.clamp(MIN_RENEWAL_INTERVAL, MAX_RENEWAL_INTERVAL)
    }

    fn apply(&mut self, response: WatchRevocationsResponse) -> Result<(), FeedFailure> {
        if !std::mem::replace(&mut self.has_messages, true) {
            self.digest.clone_from(&self.greeting.digest);
        }
        let applied = apply(self.revocation_state, &mut self.renewals, self.digest, response.message);
        self.unacknowledged = applied.map_err(|_| FeedFailure::Senseless)?.or(self.unacknowledged);
        Ok(())
    }

    fn acknowledge(&mut self) {
        if let Some(revision) = self.unacknowledged.take() {
            send(&self.requests, FeedRequest::Acknowledge(Acknowledge { revision }));
        }
    }

    /// Requests a renewal. Fails if earlier requests have been unanswered for too long.
    fn renew(&mut self) -> Result<(), FeedFailure> {
        let now = self.revocation_state.now();
        if self.renewals.waiting_since().is_some_and(|since| now.saturating_sub(since) > MAX_SILENCE) {
            return Err(FeedFailure::Silent);
        }
        let nonce = self.renewals.ask(now);
        send(&self.requests, FeedRequest::Renew(Renew { nonce }));
        Ok(())
    }
}

type Connecting<'e> = Pin<Box<dyn Future<Output = Result<FeedConnection, FeedFailure>> + Send + 'e>>;

impl FeedConnection {
    /// Connects within [`MAX_SILENCE`]. The endpoint's own timeout covers TCP only, so a silent peer could block a TLS
    /// handshake forever.
    pub(super) async fn open(endpoint: Arc<DialedEndpoint>) -> Result<Self, FeedFailure> {
        let channel = match endpoint.dialer() {
            Some(dialer) => timeout(MAX_SILENCE, dialer.connect()).await.map_err(|_| FeedFailure::Silent)??,
            None => endpoint.channel().subscribe().borrow().clone(),
        };
        Ok(Self { endpoint, channel })
    }
}

async fn sleep_until_some(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => pending().await,
    }
}

/// Sends a message, or drops it if the queue is full. An auth service that does not read gets no renewals.
fn send(requests: &mpsc::Sender<WatchRevocationsRequest>, message: FeedRequest) {
    let _ = requests.try_send(WatchRevocationsRequest { message: Some(message) });
}

fn positive(duration: Option<prost_types::Duration>) -> Option<Duration> {
    duration.and_then(|duration| Duration::try_from(duration).ok()).filter(|duration| !duration.is_zero())
}

fn to_wire(LogPosition { log, last }: LogPosition) -> v1::Position {
    v1::Position { log_id: log.to_vec(), revision: last.revision, mark: last.fingerprint.to_vec() }
}

impl FeedFailure {
    /// Returns true if the auth service refuses this guard.
    pub(super) fn is_rejection(&self) -> bool {
        use Code::{InvalidArgument, PermissionDenied, Unauthenticated, Unimplemented};
        matches!(self, Self::Status(PermissionDenied | Unauthenticated | Unimplemented | InvalidArgument))
    }
}

impl From<tonic::transport::Error> for FeedFailure {
    fn from(error: tonic::transport::Error) -> Self {
        Self::Transport(error)
    }
}

impl fmt::Display for FeedFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transport(error) => {
                let causes = std::iter::successors(Some(error as &dyn std::error::Error), |&cause| cause.source());
                f.write_str(&causes.map(ToString::to_string).collect::<Vec<_>>().join(": "))
            }
            Self::Status(code @ (Code::Unauthenticated | Code::PermissionDenied)) => {
                write!(
                    f,
                    "{code:?}: wrong service key; set it to the auth service's AUTH_SERVICE_KEY, or name the client \
                     certificate in AUTH_TLS_SERVICES"
                )
            }
            Self::Status(code) => write!(f, "{code:?}"),
            Self::Silent => f.write_str("the auth service is silent"),
            Self::Senseless => f.write_str("the auth service sent a message out of order"),
        }
    }
}
