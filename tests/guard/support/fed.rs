//! The auth service's end of a guard's revocation stream.

use gatepost::api::auth::v1::revocation::Target;
use gatepost::api::auth::v1::watch_revocations_request::Message as GuardMessage;
use gatepost::api::auth::v1::watch_revocations_response::Message as AuthMessage;
use gatepost::api::auth::v1::{
    Greeting, NewSigningKeys, Position, Renewal, Reset, Resume, Revocation, WatchRevocationsRequest,
    WatchRevocationsResponse,
};
use prost_types::Timestamp;
use tokio::sync::mpsc;
use tonic::{Status, Streaming};

/// One stream.
pub(crate) struct Fed {
    /// The `api-token` of the request.
    pub(crate) key: Option<String>,
    asked: Streaming<WatchRevocationsRequest>,
    sender: mpsc::UnboundedSender<Result<WatchRevocationsResponse, Status>>,
    /// The time of the next rows; `None` for an auth service that does not send it.
    pub(crate) create_time: Option<Timestamp>,
}

/// Returns a position in the test log.
pub(crate) fn position(revision: i64) -> Position {
    Position { log_id: vec![1; 16], revision, mark: vec![2; 16] }
}

impl Fed {
    pub(crate) fn new(
        key: Option<String>,
        asked: Streaming<WatchRevocationsRequest>,
        sender: mpsc::UnboundedSender<Result<WatchRevocationsResponse, Status>>,
    ) -> Self {
        Self { key, asked, sender, create_time: None }
    }

    /// Sends a message to the guard.
    pub(crate) fn send(&self, message: Option<AuthMessage>) {
        // The guard may be gone.
        let _ = self.sender.send(Ok(WatchRevocationsResponse { message }));
    }

    /// Returns the guard's next message; `None` once the guard is gone.
    pub(crate) async fn receive(&mut self) -> Option<GuardMessage> {
        self.asked.message().await.ok().flatten().map(|asked| asked.message.unwrap())
    }

    /// Returns the guard's first message and sends a greeting.
    pub(crate) async fn greet(&mut self, greeting: Greeting) -> Resume {
        let Some(GuardMessage::Resume(resume)) = self.receive().await else {
            panic!("the first message is not a Resume")
        };
        let renew_interval = Some(prost_types::Duration { seconds: 0, nanos: 50_000_000 });
        self.send(Some(AuthMessage::Greeting(Greeting { renew_interval, ..greeting })));
        resume
    }

    /// Waits until the guard has acknowledged this revision, and so processed all earlier messages.
    pub(crate) async fn acknowledged(&mut self, revision: i64) {
        loop {
            match self.receive().await {
                Some(GuardMessage::Acknowledge(acknowledge)) if acknowledge.revision == revision => return,
                Some(GuardMessage::Acknowledge(_) | GuardMessage::Renew(_)) => {}
                other => panic!("expected an acknowledgment of {revision}, got {other:?}"),
            }
        }
    }

    /// Resets the guard at this revision.
    pub(crate) async fn reset(&mut self, revision: i64) {
        self.send(Some(AuthMessage::Reset(Reset { position: Some(position(revision)), keys: Vec::new() })));
        self.acknowledged(revision).await;
    }

    /// Sends the next row with this revocation.
    pub(crate) async fn revoke(&mut self, revision: i64, target: Target) {
        let mark = vec![2; 16];
        self.send(Some(AuthMessage::Revocation(Revocation {
            revision,
            mark,
            target: Some(target),
            create_time: self.create_time,
            keys: Vec::new(),
        })));
        self.acknowledged(revision).await;
    }

    /// Answers the next renewal that the guard requests. `revision` is that of the next row, which revokes nothing.
    pub(crate) async fn renew(&mut self, revision: i64) {
        // Earlier requests have an older time.
        self.revoke(revision, Target::NewSigningKeys(NewSigningKeys::default())).await;
        let nonce = loop {
            if let Some(GuardMessage::Renew(renew)) = self.receive().await {
                break renew.nonce;
            }
        };
        self.send(Some(AuthMessage::Renewal(Renewal { nonce, position: Some(position(revision)) })));
        self.revoke(revision + 1, Target::NewSigningKeys(NewSigningKeys::default())).await;
    }
}
