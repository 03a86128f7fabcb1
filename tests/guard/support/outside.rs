//! Layers on both sides of the guard: one sees the calls that reach it, the other those that it lets in.

use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use gatepost::Identity;
use http::Request;
use tokio::sync::watch;
use tower_layer::Layer;
use tower_service::Service;

/// The layer outside: counts the calls for which the guard has done all it can without waiting, and can put an identity
/// into each request as another layer might.
#[derive(Clone, Default)]
pub(crate) struct Outside {
    begun: Arc<watch::Sender<usize>>,
    forged: Option<Identity>,
}

impl Outside {
    /// Puts this identity into the extensions of every request.
    pub(crate) fn forging(identity: Identity) -> Self {
        Self { forged: Some(identity), ..Self::default() }
    }

    /// Waits until so many calls wait behind the guard, or are done.
    pub(crate) async fn begun(&self, count: usize) {
        self.begun.subscribe().wait_for(|begun| *begun >= count).await.unwrap();
    }
}

/// The layer inside: keeps the path of each call that the guard has let in.
#[derive(Clone, Default)]
pub(crate) struct Inside(Arc<Mutex<Vec<String>>>);

impl Inside {
    /// The paths so far.
    pub(crate) fn paths(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// A service with one of the layers around it.
#[derive(Clone)]
pub(crate) struct Around<L, S> {
    layer: L,
    inner: S,
}

impl<S> Layer<S> for Outside {
    type Service = Around<Self, S>;

    fn layer(&self, inner: S) -> Self::Service {
        Around { layer: self.clone(), inner }
    }
}

impl<S> Layer<S> for Inside {
    type Service = Around<Self, S>;

    fn layer(&self, inner: S) -> Self::Service {
        Around { layer: self.clone(), inner }
    }
}

impl<S, B> Service<Request<B>> for Around<Outside, S>
where
    S: Service<Request<B>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        if let Some(identity) = &self.layer.forged {
            request.extensions_mut().insert(identity.clone());
            request.extensions_mut().insert(Arc::new(identity.clone()));
        }
        let (call, begun) = (self.inner.call(request), Arc::clone(&self.layer.begun));
        Box::pin(async move {
            let mut call = pin!(call);
            let mut first = true;
            std::future::poll_fn(|cx| {
                let polled = call.as_mut().poll(cx);
                if std::mem::take(&mut first) {
                    begun.send_modify(|begun| *begun += 1);
                }
                polled
            })
            .await
        })
    }
}

impl<S, B> Service<Request<B>> for Around<Inside, S>
where
    S: Service<Request<B>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        self.layer.0.lock().unwrap().push(request.uri().path().to_owned());
        self.inner.call(request)
    }
}
