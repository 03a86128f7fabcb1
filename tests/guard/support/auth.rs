//! A fake auth service with scripted answers that records all requests.

use std::sync::Arc;
use std::time::Duration;

use gatepost::api::auth::v1::token_service_server::{TokenService, TokenServiceServer};
use gatepost::api::auth::v1::{
    ListSigningKeysRequest, ListSigningKeysResponse, VerifyTokenRequest, VerifyTokenResponse, WatchRevocationsRequest,
    WatchRevocationsResponse,
};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio_stream::wrappers::{TcpListenerStream, UnboundedReceiverStream};
use tonic::transport::Server;
use tonic::{Request, Response, Status, Streaming};

use super::{Answer, Fed};

/// A received request.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// The token in the request.
    pub(crate) token: String,
    /// The `grpc-timeout` of the request.
    pub(crate) timeout: Option<Duration>,
    /// The `traceparent` of the request.
    pub(crate) traceparent: Option<String>,
}

/// The fake auth service. Clones share its state.
#[derive(Clone)]
pub(crate) struct Auth(Arc<Shared>);

struct Shared {
    answer: Box<dyn Fn(&str) -> Answer + Send + Sync>,
    asked: watch::Sender<Vec<Asked>>,
    /// Prefix of the tokens that get no answer now.
    silent: watch::Sender<Option<&'static str>>,
    streams: (mpsc::UnboundedSender<Fed>, Mutex<mpsc::UnboundedReceiver<Fed>>),
}

impl Auth {
    /// Creates a service that answers each request at once.
    pub(crate) fn new(answer: impl Fn(&str) -> Answer + Send + Sync + 'static) -> Self {
        Self(Arc::new(Shared {
            answer: Box::new(answer),
            asked: watch::Sender::default(),
            silent: watch::Sender::new(None),
            streams: {
                let (opened, streams) = mpsc::unbounded_channel();
                (opened, Mutex::new(streams))
            },
        }))
    }

    /// Stops answering. Requests are still recorded.
    pub(crate) fn fall_silent(&self) {
        self.fall_silent_about("");
    }

    /// Stops answering for tokens with this prefix.
    pub(crate) fn fall_silent_about(&self, tokens: &'static str) {
        self.0.silent.send_replace(Some(tokens));
    }

    /// Answers pending and later requests.
    pub(crate) fn resume_answers(&self) {
        self.0.silent.send_replace(None);
    }

    /// Waits for this number of requests and returns them.
    pub(crate) async fn asked(&self, count: usize) -> Vec<Asked> {
        self.0.asked.subscribe().wait_for(|asked| asked.len() >= count).await.unwrap().clone()
    }

    /// Waits until a guard opens a stream.
    pub(crate) async fn stream(&self) -> Fed {
        self.0.streams.1.lock().await.recv().await.unwrap()
    }

    /// Returns the number of requests.
    pub(crate) fn count(&self) -> usize {
        self.0.asked.borrow().len()
    }

    /// Returns the service for a test's own server.
    pub(crate) fn service(&self) -> TokenServiceServer<Self> {
        TokenServiceServer::new(self.clone())
    }

    /// Starts a server on this listener.
    pub(crate) fn serve(&self, listener: TcpListener) -> Running {
        let (stop, stopped) = oneshot::channel::<()>();
        let server = Server::builder().add_service(self.service()).serve_with_incoming_shutdown(
            TcpListenerStream::new(listener),
            async {
                let _ = stopped.await;
            },
        );
        Running { stop, task: tokio::spawn(server) }
    }
}

/// A running fake auth service.
pub(crate) struct Running {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), tonic::transport::Error>>,
}

impl Running {
    /// Stops the server. Returns once all connections and the listener are closed.
    pub(crate) async fn stop(self) {
        self.stop.send(()).unwrap();
        self.task.await.unwrap().unwrap();
    }
}

#[tonic::async_trait]
impl TokenService for Auth {
    async fn verify_token(
        &self,
        request: Request<VerifyTokenRequest>,
    ) -> Result<Response<VerifyTokenResponse>, Status> {
        let timeout = gatepost::deadline::requested(&request.metadata().clone().into_headers());
        let parent = request.metadata().get("traceparent");
        let traceparent = parent.map(|parent| parent.to_str().unwrap().to_owned());
        let token = request.into_inner().token;
        self.0.asked.send_modify(|asked| asked.push(Asked { token: token.clone(), timeout, traceparent }));
        let mut silent = self.0.silent.subscribe();
        silent.wait_for(|silent| silent.is_none_or(|tokens| !token.starts_with(tokens))).await.unwrap();
        (self.0.answer)(&token).map(Response::new)
    }

    async fn list_signing_keys(
        &self,
        _: Request<ListSigningKeysRequest>,
    ) -> Result<Response<ListSigningKeysResponse>, Status> {
        Err(Status::unimplemented("the guard does not list keys"))
    }

    type WatchRevocationsStream = UnboundedReceiverStream<Result<WatchRevocationsResponse, Status>>;

    async fn watch_revocations(
        &self,
        request: Request<Streaming<WatchRevocationsRequest>>,
    ) -> Result<Response<Self::WatchRevocationsStream>, Status> {
        let key = request.metadata().get("api-token").map(|key| key.to_str().unwrap().to_owned());
        let (sender, messages) = mpsc::unbounded_channel();
        self.0.streams.0.send(Fed::new(key, request.into_inner(), sender)).unwrap();
        Ok(Response::new(UnboundedReceiverStream::new(messages)))
    }
}
