//! `WatchRevocations` from a guard's point of view: the greeting, all revocations in order, renewals, and resets.

use gatepost::api::auth::v1::watch_revocations_request::Message as Ask;
use gatepost::api::auth::v1::watch_revocations_response::Message as Say;
use gatepost::api::auth::v1::{
    Acknowledge, Greeting, KeyName, LogoutRequest, Position, Renew, Reset, Resume, Revocation,
    RevokeAllSessionsRequest, TokenState, WatchRevocationsRequest, WatchRevocationsResponse, revocation::Target,
};
use tokio::sync::mpsc;
use tonic::transport::Endpoint;
use tonic::{Code, Status, Streaming};

use super::rotation::document;
use super::support::{EMAIL, SERVICE_KEY, Service, Settings, bad_fields, refused, start_in, start_with, with_token};

/// A guard's stream, driven by the test.
pub(super) struct Guard {
    ask: mpsc::UnboundedSender<WatchRevocationsRequest>,
    said: Streaming<WatchRevocationsResponse>,
}

/// A stream that a request type of tonic takes.
struct Asked(mpsc::UnboundedReceiver<WatchRevocationsRequest>);

impl futures_util::Stream for Asked {
    type Item = WatchRevocationsRequest;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        self.0.poll_recv(cx)
    }
}

impl Guard {
    pub(super) async fn begin(service: &Service, token: &str, first: Ask) -> Result<Self, Status> {
        let (ask, asked) = mpsc::unbounded_channel();
        ask.send(WatchRevocationsRequest { message: Some(first) }).unwrap();
        let said = service.tokens().watch_revocations(with_token(Asked(asked), token)).await?.into_inner();
        Ok(Self { ask, said })
    }

    /// Opens a service's stream from a position, for a guard that knows this digest.
    pub(super) async fn resume(service: &Service, position: Option<Position>, digest: Vec<u8>) -> (Self, Greeting) {
        let mut guard = Self::begin(service, SERVICE_KEY, Ask::Resume(Resume { position, digest })).await.unwrap();
        let greeting = guard.greeting().await;
        (guard, greeting)
    }

    /// Opens the stream of a guard without a position, and returns the first position.
    pub(super) async fn new(service: &Service) -> (Self, Greeting, Position) {
        let (mut guard, greeting) = Self::resume(service, None, Vec::new()).await;
        let position = guard.reset().await;
        (guard, greeting, position)
    }

    fn say(&self, message: Ask) {
        self.ask.send(WatchRevocationsRequest { message: Some(message) }).unwrap();
    }

    /// Returns the next message; `None` at the stream's end.
    async fn hear(&mut self) -> Option<Say> {
        self.said.message().await.unwrap().map(|said| said.message.unwrap())
    }

    /// Waits for the error that ends the stream.
    pub(super) async fn end(&mut self) -> Status {
        loop {
            if let Err(status) = self.said.message().await {
                return status;
            }
        }
    }

    pub(super) async fn greeting(&mut self) -> Greeting {
        match self.hear().await {
            Some(Say::Greeting(greeting)) => greeting,
            other => panic!("expected a greeting, got {other:?}"),
        }
    }

    pub(super) async fn reset(&mut self) -> Position {
        match self.hear().await {
            Some(Say::Reset(Reset { position: Some(position), .. })) => position,
            other => panic!("expected a reset, got {other:?}"),
        }
    }

    pub(super) async fn revocation(&mut self) -> Revocation {
        match self.hear().await {
            Some(Say::Revocation(revocation)) => revocation,
            other => panic!("expected a revocation, got {other:?}"),
        }
    }

    /// Asks for a renewal, which must be the next message.
    pub(super) async fn renewed(&mut self, nonce: u64) -> Position {
        self.say(Ask::Renew(Renew { nonce }));
        match self.hear().await {
            Some(Say::Renewal(renewal)) if renewal.nonce == nonce => renewal.position.unwrap(),
            other => panic!("expected the renewal {nonce}, got {other:?}"),
        }
    }
}

pub(super) async fn service() -> Service {
    start_with(Settings { service_key: Some(SERVICE_KEY), admin: true, ..Settings::default() }).await
}

pub(super) async fn logout(service: &Service, token: &str) {
    service.auth().logout(with_token(LogoutRequest {}, token)).await.unwrap();
}

/// A guard gets every revocation in order, and is renewed after it.
#[tokio::test]
async fn guard_gets_revocations_in_order_then_renewal() {
    let service = service().await;
    let (mut guard, greeting, begun) = Guard::new(&service).await;
    assert_eq!(greeting.renew_interval.unwrap().nanos, 500_000_000);
    assert_eq!(greeting.reopen_after.unwrap().seconds, 480);
    assert_eq!(guard.renewed(7).await, begun);

    let account = service.account(EMAIL).await;
    logout(&service, &account.token).await;
    let first = guard.revocation().await;
    assert_eq!(first.revision, begun.revision + 1);
    assert!(matches!(first.target, Some(Target::SessionId(id)) if id.len() == 36));
    assert_eq!(first.create_time, Some(std::time::SystemTime::from(service.clock.now()).into()));
    let token = service.login(EMAIL, super::support::PASSWORD).await.unwrap().tokens.unwrap().access_token;
    let all = RevokeAllSessionsRequest { user_id: "me".into() };
    service.sessions().revoke_all_sessions(with_token(all, &token)).await.unwrap();
    let second = guard.revocation().await;
    let Some(Target::User(user)) = second.target else { panic!("a user: {second:?}") };
    assert_eq!((&user.user_id, user.generation, user.state()), (&account.id, 2, TokenState::Revoked));
    let now = guard.renewed(8).await;
    assert_eq!((now.log_id, now.revision, now.mark), (begun.log_id, begun.revision + 2, second.mark));
}

#[tokio::test]
async fn guard_gets_the_names_of_all_keys() {
    let names = |keys: Vec<KeyName>| {
        assert!(keys.iter().all(|key| key.algorithm == "EdDSA"), "{keys:?}");
        keys.into_iter().map(|key| key.id).collect::<Vec<_>>()
    };
    let service = service().await;
    let (mut guard, greeting, _) = Guard::new(&service).await;
    let first = names(greeting.keys);
    assert_eq!(first, service.listed().await);
    let (store, keyring) = service.operator().await;
    keyring.rotate(document(), service.clock.now() + std::time::Duration::from_hours(1)).await.unwrap();
    let Some(Target::NewSigningKeys(new)) = guard.revocation().await.target else { panic!("a new key") };
    let both = names(new.keys);
    assert_eq!((both.len(), &both), (2, &service.listed().await));
    keyring.retire(&first[0], document(), false).await.unwrap();
    let killed = guard.revocation().await;
    assert_eq!(killed.target, Some(Target::SigningKeyId(first[0].clone())));
    assert_eq!(names(killed.keys), service.listed().await);
    store.close().await;
}

/// A guard resumes at its position, and starts over if the log does not have it.
#[tokio::test]
async fn guard_resumes_at_a_known_position() {
    let service = service().await;
    let (guard, greeting, begun) = Guard::new(&service).await;
    drop(guard);
    let account = service.account(EMAIL).await;
    logout(&service, &account.token).await;
    let digest = greeting.digest;
    let (mut guard, again) = Guard::resume(&service, Some(begun.clone()), digest.clone()).await;
    assert_eq!(again.digest, digest);
    let missed = guard.revocation().await;
    assert_eq!(missed.revision, begun.revision + 1);

    let early = Position { revision: -1, ..begun.clone() };
    for (position, digest) in [(early, digest), (begun, vec![1; 32])] {
        let (mut guard, _) = Guard::resume(&service, Some(position), digest).await;
        let position = guard.reset().await;
        assert_eq!((position.revision, &position.mark), (missed.revision, &missed.mark));
    }
}

#[tokio::test]
async fn another_issuer_or_audience_changes_the_digest() {
    let service = service().await;
    let (guard, first, begun) = Guard::new(&service).await;
    drop(guard);
    let (folder, clock) = service.stop().await;
    let flags: &[&str] = &["--audience", "elsewhere"];
    let settings = Settings { service_key: Some(SERVICE_KEY), flags, ..Settings::default() };
    let service = start_in(folder, clock, settings).await;
    let (mut guard, second) = Guard::resume(&service, Some(begun), first.digest.clone()).await;
    assert_ne!(first.digest, second.digest);
    guard.reset().await;
}

#[tokio::test]
async fn revocation_waits_for_guards_that_answer() {
    let service = service().await;
    let account = service.account(EMAIL).await;
    let (mut guard, _, begun) = Guard::new(&service).await;
    guard.say(Ask::Acknowledge(Acknowledge { revision: begun.revision }));
    let acknowledged = async {
        let told = guard.revocation().await;
        guard.say(Ask::Acknowledge(Acknowledge { revision: told.revision }));
        guard
    };
    let (_guard, ()) = tokio::join!(acknowledged, logout(&service, &account.token));
    // A silent guard delays revocations only briefly.
    let token = service.account("grace@example.com").await.token;
    logout(&service, &token).await;
}

#[tokio::test]
async fn one_replica_serves_thousands_of_guards() {
    let mut service = service().await;
    let account = service.account(EMAIL).await;
    let mut guards = Vec::new();
    for number in 0..2000 {
        // A connection carries a hundred streams.
        if number % 50 == 0 {
            service.channel = Endpoint::from_shared(format!("http://{}", service.address)).unwrap().connect_lazy();
        }
        guards.push(Guard::new(&service).await.0);
    }
    logout(&service, &account.token).await;
    for guard in &mut guards {
        let told = guard.revocation().await;
        assert!(matches!(told.target, Some(Target::SessionId(_))), "{told:?}");
        assert_eq!(guard.renewed(1).await.revision, told.revision);
    }
}

#[tokio::test]
async fn stream_ends_with_the_service() {
    let service = service().await;
    let (mut guard, _, _) = Guard::new(&service).await;
    let (_, ended) = tokio::join!(service.stop(), guard.hear());
    assert!(ended.is_none(), "{ended:?}");
}

#[tokio::test]
async fn only_services_may_watch_and_by_the_rules() {
    let service = service().await;
    let account = service.account(EMAIL).await;
    for token in [&account.token, &service.admin().await.token] {
        let refusal = Guard::begin(&service, token, Ask::Resume(Resume::default())).await.err().unwrap();
        refused(&refusal, Code::PermissionDenied, "NOT_ALLOWED", "permission denied");
    }
    let refusal = Guard::begin(&service, SERVICE_KEY, Ask::Renew(Renew { nonce: 1 })).await.err().unwrap();
    assert_eq!(bad_fields(&refusal), ["resume"]);
    let nonsense = Position { log_id: vec![1], ..Position::default() };
    let resume = Resume { position: Some(nonsense), digest: Vec::new() };
    let refusal = Guard::begin(&service, SERVICE_KEY, Ask::Resume(resume)).await.err().unwrap();
    assert_eq!(bad_fields(&refusal), ["resume.position"]);
    let (mut guard, _, _) = Guard::new(&service).await;
    guard.say(Ask::Resume(Resume::default()));
    assert_eq!(bad_fields(&guard.said.message().await.unwrap_err()), ["resume"]);
}
