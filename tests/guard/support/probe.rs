//! A service with RPCs of every other kind, written by hand. It reports what its handlers see.

use std::convert::Infallible;
use std::task::{Context, Poll};
use std::time::Duration;

use gatepost::Identity;
use http::uri::PathAndQuery;
use tokio_stream::{Stream, StreamExt as _};
use tonic::body::Body;
use tonic::client::GrpcService;
use tonic::codegen::{BoxFuture, BoxStream, StdError};
use tonic::server::{ClientStreamingService, Grpc, NamedService, StreamingService, UnaryService};
use tonic::{Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;
use tower_service::Service;

/// The unary method. It returns the handler's view of the call.
pub(crate) const SHOW: &str = "/guard.test.Probe/Show";

/// The client-streaming method. It returns the words in one line.
pub(crate) const GATHER: &str = "/guard.test.Probe/Gather";

/// The bidirectional method. It returns each word after the caller's name.
pub(crate) const CHAT: &str = "/guard.test.Probe/Chat";

/// The server-streaming method, only in [`Listener`](super::Listener).
pub(crate) const LISTEN: &str = "/guard.test.Probe/Listen";

/// A handler's view of a call.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct CallView {
    /// The caller's subject; absent for an anonymous call.
    #[prost(string, optional, tag = "1")]
    pub(crate) subject: Option<String>,
    /// The names of the metadata.
    #[prost(string, repeated, tag = "2")]
    pub(crate) names: Vec<String>,
    /// The metadata's `Debug` output.
    #[prost(string, tag = "3")]
    pub(crate) debug: String,
    /// The values of the metadata `api-token`.
    #[prost(string, repeated, tag = "4")]
    pub(crate) tokens: Vec<String>,
}

/// The service.
#[derive(Clone)]
pub(crate) struct Probe;

impl NamedService for Probe {
    const NAME: &'static str = "guard.test.Probe";
}

impl Service<http::Request<Body>> for Probe {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Self::Error>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async move {
            Ok(match request.uri().path() {
                SHOW => Grpc::new(ProstCodec::default()).unary(Show, request).await,
                GATHER => Grpc::new(ProstCodec::default()).client_streaming(Gather, request).await,
                CHAT => Grpc::new(ProstCodec::default()).streaming(Chat, request).await,
                _ => Status::unimplemented("no such method").into_http(),
            })
        })
    }
}

struct Show;

impl UnaryService<()> for Show {
    type Response = CallView;
    type Future = BoxFuture<Response<CallView>, Status>;

    fn call(&mut self, request: Request<()>) -> Self::Future {
        let metadata = request.metadata();
        let tokens = metadata.get_all("api-token").iter();
        let view = CallView {
            subject: Identity::find(&request).map(|caller| caller.subject.clone()),
            names: metadata.clone().into_headers().keys().map(ToString::to_string).collect(),
            debug: format!("{metadata:?}"),
            tokens: tokens.map(|token| String::from_utf8_lossy(token.as_bytes()).into_owned()).collect(),
        };
        Box::pin(async { Ok(Response::new(view)) })
    }
}

struct Gather;

impl ClientStreamingService<String> for Gather {
    type Response = String;
    type Future = BoxFuture<Response<String>, Status>;

    fn call(&mut self, request: Request<Streaming<String>>) -> Self::Future {
        Box::pin(async {
            let words: Vec<String> = request.into_inner().collect::<Result<_, _>>().await?;
            Ok(Response::new(words.join(" ")))
        })
    }
}

struct Chat;

impl StreamingService<String> for Chat {
    type Response = String;
    type ResponseStream = BoxStream<String>;
    type Future = BoxFuture<Response<Self::ResponseStream>, Status>;

    fn call(&mut self, request: Request<Streaming<String>>) -> Self::Future {
        Box::pin(async {
            let name = Identity::from_request(&request)?.subject.clone();
            let answers = request.into_inner().map(move |word| word.map(|word| format!("{name}: {word}")));
            Ok(Response::new(Box::pin(answers) as Self::ResponseStream))
        })
    }
}

/// The service's client.
pub(crate) struct ProbeClient<C>(tonic::client::Grpc<C>);

impl<C> ProbeClient<C>
where
    C: GrpcService<Body>,
    C::Error: Into<StdError>,
    C::ResponseBody: tonic::codegen::Body<Data = tonic::codegen::Bytes> + Send + 'static,
    <C::ResponseBody as tonic::codegen::Body>::Error: Into<StdError> + Send,
{
    /// Creates a client on this channel.
    pub(crate) fn new(channel: C) -> Self {
        Self(tonic::client::Grpc::new(channel))
    }

    /// Calls [`SHOW`].
    pub(crate) async fn show(&mut self) -> Result<CallView, Status> {
        self.show_request(Request::new(())).await
    }

    /// Calls [`SHOW`] with this deadline.
    pub(crate) async fn show_within(&mut self, limit: Duration) -> Result<CallView, Status> {
        let mut request = Request::new(());
        request.set_timeout(limit);
        self.show_request(request).await
    }

    async fn show_request(&mut self, request: Request<()>) -> Result<CallView, Status> {
        self.ready().await?;
        let path = PathAndQuery::from_static(SHOW);
        self.0.unary(request, path, ProstCodec::default()).await.map(Response::into_inner)
    }

    /// Calls [`LISTEN`].
    pub(crate) async fn listen(&mut self) -> Result<Streaming<String>, Status> {
        self.ready().await?;
        let path = PathAndQuery::from_static(LISTEN);
        self.0.server_streaming(Request::new(()), path, ProstCodec::default()).await.map(Response::into_inner)
    }

    /// Calls [`GATHER`].
    pub(crate) async fn gather<W>(&mut self, words: W) -> Result<String, Status>
    where
        W: Stream<Item = String> + Send + 'static,
    {
        self.ready().await?;
        let path = PathAndQuery::from_static(GATHER);
        self.0.client_streaming(Request::new(words), path, ProstCodec::default()).await.map(Response::into_inner)
    }

    /// Calls [`CHAT`].
    pub(crate) async fn chat<W>(&mut self, words: W) -> Result<Streaming<String>, Status>
    where
        W: Stream<Item = String> + Send + 'static,
    {
        self.ready().await?;
        let path = PathAndQuery::from_static(CHAT);
        self.0.streaming(Request::new(words), path, ProstCodec::default()).await.map(Response::into_inner)
    }

    async fn ready(&mut self) -> Result<(), Status> {
        self.0.ready().await.map_err(|_| Status::unknown("the server is unavailable"))
    }
}
