//! A fake auth service on the wire: it says what the test wants, when the test wants it, and keeps what it was asked.

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

/// One question as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// The token in question.
    pub(crate) token: String,
    /// The `grpc-timeout` of the question.
    pub(crate) timeout: Option<Duration>,
}

/// The fake; clones are the same one.
#[derive(Clone)]
pub(crate) struct Auth(Arc<Shared>);

struct Shared {
    answer: Box<dyn Fn(&str) -> Answer + Send + Sync>,
    asked: watch::Sender<Vec<Asked>>,
    /// The beginning of the tokens about which nothing is said now.
    silent: watch::Sender<Option<&'static str>>,
    streams: (mpsc::UnboundedSender<Fed>, Mutex<mpsc::UnboundedReceiver<Fed>>),
}

impl Auth {
    /// Answers each question at once.
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

    /// From now on questions are taken and not answered.
    pub(crate) fn fall_silent(&self) {
        self.fall_silent_about("");
    }

    /// The same for tokens that begin so.
    pub(crate) fn fall_silent_about(&self, tokens: &'static str) {
        self.0.silent.send_replace(Some(tokens));
    }

    /// Answers what has been asked meanwhile, and what will be.
    pub(crate) fn speak(&self) {
        self.0.silent.send_replace(None);
    }

    /// Waits until there have been so many questions.
    pub(crate) async fn asked(&self, count: usize) -> Vec<Asked> {
        self.0.asked.subscribe().wait_for(|asked| asked.len() >= count).await.unwrap().clone()
    }

    /// Waits until a guard opens a stream.
    pub(crate) async fn stream(&self) -> Fed {
        self.0.streams.1.lock().await.recv().await.unwrap()
    }

    /// How many questions there have been.
    pub(crate) fn count(&self) -> usize {
        self.0.asked.borrow().len()
    }

    /// The service, for a server of the test's own.
    pub(crate) fn service(&self) -> TokenServiceServer<Self> {
        TokenServiceServer::new(self.clone())
    }

    /// Serves on this listener.
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

/// A fake auth service that listens.
pub(crate) struct Running {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), tonic::transport::Error>>,
}

impl Running {
    /// Returns when every connection is closed and nothing listens any more.
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
        let token = request.into_inner().token;
        self.0.asked.send_modify(|asked| asked.push(Asked { token: token.clone(), timeout }));
        let mut silent = self.0.silent.subscribe();
        silent.wait_for(|silent| silent.is_none_or(|tokens| !token.starts_with(tokens))).await.unwrap();
        (self.0.answer)(&token).map(Response::new)
    }

    async fn list_signing_keys(
        &self,
        _: Request<ListSigningKeysRequest>,
    ) -> Result<Response<ListSigningKeysResponse>, Status> {
        Err(Status::unimplemented("the guard does not ask for keys"))
    }

    type WatchRevocationsStream = UnboundedReceiverStream<Result<WatchRevocationsResponse, Status>>;

    async fn watch_revocations(
        &self,
        request: Request<Streaming<WatchRevocationsRequest>>,
    ) -> Result<Response<Self::WatchRevocationsStream>, Status> {
        let key = request.metadata().get("api-token").map(|key| key.to_str().unwrap().to_owned());
        let (say, said) = mpsc::unbounded_channel();
        self.0.streams.0.send(Fed::new(key, request.into_inner(), say)).unwrap();
        Ok(Response::new(UnboundedReceiverStream::new(said)))
    }
}
