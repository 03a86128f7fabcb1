//! A fake auth service that reports each token as active, counts the requests, and answers renewals.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gatepost::api::auth::v1::token_service_server::{TokenService, TokenServiceServer};
use gatepost::api::auth::v1::watch_revocations_request::Message as RequestMessage;
use gatepost::api::auth::v1::watch_revocations_response::Message as ResponseMessage;
use gatepost::api::auth::v1::{
    Greeting, ListSigningKeysRequest, ListSigningKeysResponse, Position, Renewal, Reset, SubjectKind, TokenClaims,
    TokenState, VerifyTokenRequest, VerifyTokenResponse, WatchRevocationsRequest, WatchRevocationsResponse,
};
use gatepost::{AuthService, Token};
use prost_types::{Duration, Timestamp};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status, Streaming};

use crate::Failure;

/// An auth service on a port of the loopback, until it is dropped.
#[derive(Debug)]
pub struct Counting {
    shared: Arc<CountedCalls>,
    url: String,
    server: AbortHandle,
}

#[derive(Debug)]
struct CountedCalls {
    asked: AtomicUsize,
    /// Set once a guard has acknowledged the feed's first position.
    followed: watch::Sender<bool>,
}

#[derive(Clone, Debug)]
struct Service(Arc<CountedCalls>);

impl Counting {
    /// Starts the service.
    ///
    /// # Errors
    /// Fails if the machine has no port.
    pub async fn start() -> Result<Self, Failure> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let shared = Arc::new(CountedCalls { asked: AtomicUsize::new(0), followed: watch::Sender::new(false) });
        let service = TokenServiceServer::new(Service(Arc::clone(&shared)));
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        let server = Server::builder().add_service(service).serve_with_incoming(incoming);
        Ok(Self { shared, url, server: tokio::spawn(server).abort_handle() })
    }

    /// Returns a guard's client of this service. The client follows the revocations and knows no token.
    ///
    /// # Errors
    /// Fails if the service is dropped first.
    pub async fn follower(&self) -> Result<AuthService, Failure> {
        let auth = AuthService::builder(&self.url).service_key(&Token::parse("key")?).build()?;
        self.shared.followed.subscribe().wait_for(|followed| *followed).await?;
        Ok(auth)
    }

    /// Returns the number of calls of `VerifyToken`.
    pub fn asked(&self) -> usize {
        self.shared.asked.load(Ordering::SeqCst)
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn position() -> Position {
    Position { log_id: vec![1; 16], revision: 1, mark: vec![2; 16] }
}

#[tonic::async_trait]
impl TokenService for Service {
    async fn verify_token(&self, _: Request<VerifyTokenRequest>) -> Result<Response<VerifyTokenResponse>, Status> {
        self.0.asked.fetch_add(1, Ordering::SeqCst);
        let claims = TokenClaims {
            subject: "0198d7a1-52f0-7d0a-9d2e-0d1f5b3c9a11".into(),
            subject_kind: SubjectKind::User.into(),
            session_id: "0198d7a1-52f0-7d0a-9d2e-0d1f5b3c9a12".into(),
            expire_time: Some(Timestamp { seconds: 4_102_444_800, nanos: 0 }),
            audiences: vec!["gatepost".into()],
            key_id: "key".into(),
            ..TokenClaims::default()
        };
        Ok(Response::new(VerifyTokenResponse {
            state: TokenState::Active.into(),
            claims: Some(claims),
            ttl: Some(Duration { seconds: 3600, nanos: 0 }),
            position: Some(position()),
        }))
    }

    async fn list_signing_keys(
        &self,
        _: Request<ListSigningKeysRequest>,
    ) -> Result<Response<ListSigningKeysResponse>, Status> {
        Ok(Response::new(ListSigningKeysResponse::default()))
    }

    type WatchRevocationsStream = ReceiverStream<Result<WatchRevocationsResponse, Status>>;

    async fn watch_revocations(
        &self,
        request: Request<Streaming<WatchRevocationsRequest>>,
    ) -> Result<Response<Self::WatchRevocationsStream>, Status> {
        let (mut requests, (sender, responses)) = (request.into_inner(), mpsc::channel(16));
        let shared = Arc::clone(&self.0);
        tokio::spawn(async move {
            // The stream ends when its guard disconnects.
            while let Ok(Some(WatchRevocationsRequest { message: Some(message) })) = requests.message().await {
                let answers = match message {
                    RequestMessage::Resume(_) => {
                        vec![
                            ResponseMessage::Greeting(Greeting::default()),
                            ResponseMessage::Reset(Reset { position: Some(position()), keys: Vec::new() }),
                        ]
                    }
                    RequestMessage::Renew(renew) => {
                        vec![ResponseMessage::Renewal(Renewal { nonce: renew.nonce, position: Some(position()) })]
                    }
                    RequestMessage::Acknowledge(_) => {
                        shared.followed.send_replace(true);
                        Vec::new()
                    }
                };
                for answer in answers {
                    drop(sender.send(Ok(WatchRevocationsResponse { message: Some(answer) })).await);
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(responses)))
    }
}
