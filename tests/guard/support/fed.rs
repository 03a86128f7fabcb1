//! A guard's stream of revocations, with the test in the auth service's place.

use gatepost::api::auth::v1::revocation::Target;
use gatepost::api::auth::v1::watch_revocations_request::Message as Ask;
use gatepost::api::auth::v1::watch_revocations_response::Message as Say;
use gatepost::api::auth::v1::{
    Greeting, NewSigningKeys, Position, Renewal, Reset, Resume, Revocation, WatchRevocationsRequest,
    WatchRevocationsResponse,
};
use prost_types::Timestamp;
use tokio::sync::mpsc;
use tonic::{Status, Streaming};

/// One stream.
pub(crate) struct Fed {
    /// The `api-token` that it was opened with.
    pub(crate) key: Option<String>,
    asked: Streaming<WatchRevocationsRequest>,
    say: mpsc::UnboundedSender<Result<WatchRevocationsResponse, Status>>,
    /// When the rows from now on were written; `None` for those of an auth service that does not say so.
    pub(crate) create_time: Option<Timestamp>,
}

/// A place in the log of the tests.
pub(crate) fn position(revision: i64) -> Position {
    Position { log_id: vec![1; 16], revision, mark: vec![2; 16] }
}

impl Fed {
    pub(crate) fn new(
        key: Option<String>,
        asked: Streaming<WatchRevocationsRequest>,
        say: mpsc::UnboundedSender<Result<WatchRevocationsResponse, Status>>,
    ) -> Self {
        Self { key, asked, say, create_time: None }
    }

    pub(crate) fn say(&self, message: Option<Say>) {
        // The guard may have gone.
        let _ = self.say.send(Ok(WatchRevocationsResponse { message }));
    }

    /// What the guard says next; `None` when it has gone.
    pub(crate) async fn hear(&mut self) -> Option<Ask> {
        self.asked.message().await.ok().flatten().map(|asked| asked.message.unwrap())
    }

    /// What the guard says first; then it is greeted.
    pub(crate) async fn greet(&mut self, greeting: Greeting) -> Resume {
        let Some(Ask::Resume(resume)) = self.hear().await else { panic!("it says first what it knows") };
        let renew_interval = Some(prost_types::Duration { seconds: 0, nanos: 50_000_000 });
        self.say(Some(Say::Greeting(Greeting { renew_interval, ..greeting })));
        resume
    }

    /// Waits until the guard has come to this revision, and so has taken in all that was said before.
    pub(crate) async fn acknowledged(&mut self, revision: i64) {
        loop {
            match self.hear().await {
                Some(Ask::Acknowledge(acknowledge)) if acknowledge.revision == revision => return,
                Some(Ask::Acknowledge(_) | Ask::Renew(_)) => {}
                other => panic!("an acknowledgement of {revision}, and not {other:?}"),
            }
        }
    }

    /// The guard begins anew there.
    pub(crate) async fn reset(&mut self, revision: i64) {
        self.say(Some(Say::Reset(Reset { position: Some(position(revision)), keys: Vec::new() })));
        self.acknowledged(revision).await;
    }

    /// The next row revokes this.
    pub(crate) async fn revoke(&mut self, revision: i64, target: Target) {
        let mark = vec![2; 16];
        self.say(Some(Say::Revocation(Revocation {
            revision,
            mark,
            target: Some(target),
            create_time: self.create_time,
            keys: Vec::new(),
        })));
        self.acknowledged(revision).await;
    }

    /// A renewal that the guard asks for from now on is answered; `revision` is the next row's, which revokes nothing.
    pub(crate) async fn renew(&mut self, revision: i64) {
        // Those that were sent before are of an earlier time.
        self.revoke(revision, Target::NewSigningKeys(NewSigningKeys::default())).await;
        let nonce = loop {
            if let Some(Ask::Renew(renew)) = self.hear().await {
                break renew.nonce;
            }
        };
        self.say(Some(Say::Renewal(Renewal { nonce, position: Some(position(revision)) })));
        self.revoke(revision + 1, Target::NewSigningKeys(NewSigningKeys::default())).await;
    }
}
