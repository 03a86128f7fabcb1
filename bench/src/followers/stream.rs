//! One guard that follows the feed, without the rest of a guard.

use std::future::ready;
use std::time::{Duration, SystemTime};

use gatepost::api::auth::v1::token_service_client::TokenServiceClient;
use gatepost::api::auth::v1::watch_revocations_request::Message as RequestMessage;
use gatepost::api::auth::v1::watch_revocations_response::Message as ResponseMessage;
use gatepost::api::auth::v1::{Acknowledge, Renew, Resume, WatchRevocationsRequest};
use gatepost::{Token, WithToken};
use tokio::sync::mpsc;
use tokio::time::{Instant, interval_at};
use tokio_stream::wrappers::UnboundedReceiverStream;

use crate::Failure;
use crate::services::channel;

/// The service key of the guards.
const SERVICE_KEY: &str = "drill-5f1c0a7be2d94b33a6c8e1f04d9b";

/// Settings of services that the guards follow.
pub(crate) const FOLLOWED_SETTINGS: [(&str, &str); 2] =
    [("AUTH_SERVICE_KEY", SERVICE_KEY), ("BLOG_SERVICE_KEY", SERVICE_KEY)];

/// The time from one request of a guard to the next.
pub(super) const RENEWAL_INTERVAL: Duration = Duration::from_millis(500);

/// A guard's stream.
pub(super) struct FeedFollower {
    requests: mpsc::UnboundedSender<WatchRevocationsRequest>,
    responses: tonic::Streaming<gatepost::api::auth::v1::WatchRevocationsResponse>,
}

impl FeedFollower {
    /// Opens a stream on a connection of its own.
    pub(super) async fn connect(address: &str) -> Result<Self, Failure> {
        let (requests, outgoing) = mpsc::unbounded_channel();
        requests.send(WatchRevocationsRequest { message: Some(RequestMessage::Resume(Resume::default())) })?;
        let token = WithToken::new(&Token::parse(SERVICE_KEY)?);
        let mut client = TokenServiceClient::with_interceptor(channel(address).await?, token);
        let responses = client.watch_revocations(UnboundedReceiverStream::new(outgoing)).await?.into_inner();
        Ok(Self { requests, responses })
    }

    /// Acknowledges and renews as a guard does, with one acknowledgment for all messages that arrive together. Sends
    /// the delay of each revocation, in milliseconds.
    pub(super) async fn follow(mut self, first: Instant, lag: mpsc::UnboundedSender<u64>) -> Result<(), Failure> {
        let mut renewals = interval_at(first, RENEWAL_INTERVAL);
        let (mut nonce, mut owed) = (0, None);
        loop {
            let message = tokio::select! {
                biased;
                received = self.responses.message() => {
                    let message = received?.ok_or("the stream has ended")?.message;
                    let Some(ResponseMessage::Revocation(revocation)) = message else { continue };
                    let written = SystemTime::try_from(revocation.create_time.ok_or("no time")?)?;
                    lag.send(u64::try_from(age(written).as_millis())?)?;
                    owed = Some(revocation.revision);
                    continue;
                }
                () = ready(()), if owed.is_some() => {
                    RequestMessage::Acknowledge(Acknowledge { revision: owed.take().unwrap_or_default() })
                }
                _ = renewals.tick() => {
                    nonce += 1;
                    RequestMessage::Renew(Renew { nonce })
                }
            };
            self.requests.send(WatchRevocationsRequest { message: Some(message) })?;
        }
    }
}

/// Returns the time since this moment.
#[expect(clippy::disallowed_methods, reason = "the service's times come from this machine's clock")]
fn age(time: SystemTime) -> Duration {
    SystemTime::now().duration_since(time).unwrap_or_default()
}
