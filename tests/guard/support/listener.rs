//! The probe's service with handlers that the test controls. They record events.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::sync::{Mutex, mpsc, watch};
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::body::Body;
use tonic::codegen::{BoxFuture, BoxStream};
use tonic::server::{
    ClientStreamingService, Grpc, NamedService, ServerStreamingService, StreamingService, UnaryService,
};
use tonic::{Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;
use tower_service::Service;

use super::{CHAT, CallView, GATHER, LISTEN, SHOW};

/// The service. Clones share its state.
///
/// - Unary and server-streaming: waits for the test's messages. Returns an empty answer, or all messages.
/// - Client-streaming: returns `done` at the end of the words, even if the stream breaks.
/// - Bidirectional: reads the words in a separate task, and returns the test's messages.
#[derive(Clone)]
pub(crate) struct Listener(Arc<Shared>);

struct Shared {
    met: watch::Sender<Vec<String>>,
    sender: mpsc::UnboundedSender<String>,
    messages: Mutex<Option<mpsc::UnboundedReceiver<String>>>,
}

/// A part of a handler that records when it is dropped.
struct Presence(Listener, &'static str);

impl Drop for Presence {
    fn drop(&mut self) {
        self.0.meet(format!("{} dropped", self.1));
    }
}

impl Listener {
    /// Creates a service with no events. One handler can send messages.
    pub(crate) fn new() -> Self {
        let (sender, messages) = mpsc::unbounded_channel();
        Self(Arc::new(Shared { met: watch::Sender::default(), sender, messages: Mutex::new(Some(messages)) }))
    }

    /// Makes the handler send this word.
    pub(crate) fn send(&self, word: &str) {
        // The handler may be gone.
        let _ = self.0.sender.send(word.to_owned());
    }

    /// Waits for this event.
    pub(crate) async fn met(&self, event: &str) {
        self.0.met.subscribe().wait_for(|met| met.iter().any(|met| met == event)).await.unwrap();
    }

    /// Returns all events.
    pub(crate) fn all(&self) -> Vec<String> {
        self.0.met.borrow().clone()
    }

    fn meet(&self, event: impl Into<String>) {
        self.0.met.send_modify(|met| met.push(event.into()));
    }

    async fn take_messages(&self) -> mpsc::UnboundedReceiver<String> {
        self.0.messages.lock().await.take().unwrap()
    }

    async fn read_words(&self, mut words: Streaming<String>) {
        let _presence = Presence(self.clone(), "receiver");
        while let Some(word) = words.next().await {
            match word {
                Ok(word) => self.meet(word),
                Err(status) => self.meet(format!("{:?}", status.code())),
            }
        }
    }
}

impl NamedService for Listener {
    const NAME: &'static str = "guard.test.Probe";
}

impl Service<http::Request<Body>> for Listener {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Self::Error>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let listener = self.clone();
        Box::pin(async move {
            Ok(match request.uri().path() {
                SHOW => Grpc::new(ProstCodec::default()).unary(listener, request).await,
                LISTEN => Grpc::new(ProstCodec::default()).server_streaming(listener, request).await,
                GATHER => Grpc::new(ProstCodec::default()).client_streaming(listener, request).await,
                CHAT => Grpc::new(ProstCodec::default()).streaming(listener, request).await,
                _ => Status::unimplemented("no such method").into_http(),
            })
        })
    }
}

impl UnaryService<()> for Listener {
    type Response = CallView;
    type Future = BoxFuture<Response<CallView>, Status>;

    fn call(&mut self, _: Request<()>) -> Self::Future {
        let listener = self.clone();
        Box::pin(async move {
            listener.meet("begun");
            listener.take_messages().await.recv().await.unwrap();
            Ok(Response::new(CallView::default()))
        })
    }
}

impl ServerStreamingService<()> for Listener {
    type Response = String;
    type ResponseStream = BoxStream<String>;
    type Future = BoxFuture<Response<Self::ResponseStream>, Status>;

    fn call(&mut self, _: Request<()>) -> Self::Future {
        let listener = self.clone();
        Box::pin(async move {
            listener.meet("begun");
            let mut messages = listener.take_messages().await;
            let first = messages.recv().await.unwrap();
            let presence = Presence(listener, "sender");
            let all = tokio_stream::once(first).chain(UnboundedReceiverStream::new(messages));
            Ok(Response::new(Box::pin(all.map(move |word| {
                let _ = &presence;
                Ok(word)
            })) as Self::ResponseStream))
        })
    }
}

impl ClientStreamingService<String> for Listener {
    type Response = String;
    type Future = BoxFuture<Response<String>, Status>;

    fn call(&mut self, request: Request<Streaming<String>>) -> Self::Future {
        let listener = self.clone();
        Box::pin(async move {
            listener.read_words(request.into_inner()).await;
            Ok(Response::new("done".to_owned()))
        })
    }
}

impl StreamingService<String> for Listener {
    type Response = String;
    type ResponseStream = BoxStream<String>;
    type Future = BoxFuture<Response<Self::ResponseStream>, Status>;

    fn call(&mut self, request: Request<Streaming<String>>) -> Self::Future {
        let listener = self.clone();
        Box::pin(async move {
            let messages = UnboundedReceiverStream::new(listener.take_messages().await);
            let presence = Presence(listener.clone(), "sender");
            tokio::spawn(async move { listener.read_words(request.into_inner()).await });
            Ok(Response::new(Box::pin(messages.map(move |word| {
                let _ = &presence;
                Ok(word)
            })) as Self::ResponseStream))
        })
    }
}
