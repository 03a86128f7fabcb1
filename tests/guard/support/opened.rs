//! A guard without a cache, a controlled auth service, and a caller with streams.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gatepost::api::auth::v1::{TokenClaims, TokenState};
use gatepost::guard::layers::{RemoteVerifier, SingleFlight};
use gatepost::{GuardLayer, Policy, Token, WithToken};
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::Streaming;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic_health::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tonic_health::server::HealthReporter;

use super::{Answer, Auth, Listener, Memory, ProbeClient, active, claims, state};

pub(crate) type Client = InterceptedService<Channel, WithToken>;

/// A guarded server, a caller, and an auth service with a changeable answer.
pub(crate) struct Opened {
    pub(crate) auth: Auth,
    answer: Arc<Mutex<Answer>>,
    pub(crate) listener: Listener,
    health: HealthReporter,
    pub(crate) server: Memory,
}

impl Opened {
    /// Starts a server. The token is valid at first.
    pub(crate) fn new(policy: Policy) -> Self {
        let answer = Arc::new(Mutex::new(Ok(active(seller()))));
        let auth = Auth::new({
            let answer = Arc::clone(&answer);
            move |_: &str| answer.lock().unwrap_or_else(PoisonError::into_inner).clone()
        });
        let remote = RemoteVerifier::from_channel(Memory::auth(&auth).channel());
        let verifier = SingleFlight::new(remote, Duration::from_millis(500));
        let listener = Listener::new();
        let guard = GuardLayer::new(policy, verifier).unwrap().audience("gatepost");
        let (server, health) = Memory::listening(guard, listener.clone());
        Self { auth, answer, listener, health, server }
    }

    pub(crate) fn closed() -> Self {
        Self::new(Policy::closed())
    }

    /// Sets the auth service's answer for the token.
    pub(crate) fn set_answer(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    pub(crate) fn revoke(&self) {
        self.set_answer(Ok(state(TokenState::Revoked)));
    }

    pub(crate) fn client(&self) -> Client {
        InterceptedService::new(self.server.channel(), WithToken::new(&Token::parse("good").unwrap()))
    }

    pub(crate) fn probe(&self) -> ProbeClient<Client> {
        ProbeClient::new(self.client())
    }

    /// Opens a health stream and reads its first message.
    pub(crate) async fn watch(&self) -> Streaming<HealthCheckResponse> {
        let watched = HealthClient::new(self.client()).watch(HealthCheckRequest::default()).await;
        let mut watched = watched.unwrap().into_inner();
        assert_eq!(watched.message().await.unwrap().unwrap().status, ServingStatus::Serving as i32);
        watched
    }

    /// Makes the health service send a message.
    pub(crate) async fn fail(&self) {
        self.health.set_service_status("", ServingStatus::NotServing).await;
    }

    /// Opens a bidirectional stream and exchanges one message in each direction.
    pub(crate) async fn chat(&self) -> (mpsc::UnboundedSender<String>, Streaming<String>) {
        let (ask, asked) = words();
        let mut answers = self.probe().chat(asked).await.unwrap();
        ask.send("never".into()).unwrap();
        self.listener.met("never").await;
        self.listener.send("first");
        assert_eq!(answers.message().await.unwrap().as_deref(), Some("first"));
        (ask, answers)
    }
}

pub(crate) fn seller() -> TokenClaims {
    TokenClaims { roles: vec!["seller".into()], ..claims() }
}

pub(crate) fn words() -> (mpsc::UnboundedSender<String>, UnboundedReceiverStream<String>) {
    let (ask, asked) = mpsc::unbounded_channel();
    (ask, UnboundedReceiverStream::new(asked))
}
