//! Layers on both sides of the guard.

use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use gatepost::Identity;
use http::Request;
use tokio::sync::watch;
use tower_layer::Layer;
use tower_service::Service;

/// The outer layer. It counts calls that were polled once, and can forge an identity.
#[derive(Clone, Default)]
pub(crate) struct Outside {
    begun: Arc<watch::Sender<usize>>,
    forged: Option<Identity>,
}

impl Outside {
    /// Creates a layer that puts this identity into the extensions of every request.
    pub(crate) fn forging(identity: Identity) -> Self {
        Self { forged: Some(identity), ..Self::default() }
    }

    /// Waits until this number of calls was polled once.
    pub(crate) async fn begun(&self, count: usize) {
        self.begun.subscribe().wait_for(|begun| *begun >= count).await.unwrap();
    }
}

/// The inner layer. It records the path of each admitted call.
#[derive(Clone, Default)]
pub(crate) struct Inside(Arc<Mutex<Vec<String>>>);

impl Inside {
    /// Returns the recorded paths.
    pub(crate) fn paths(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// A service inside one of the layers.
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
