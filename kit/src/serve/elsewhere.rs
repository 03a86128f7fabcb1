//! Calls of services on another port: the status names the right port.

use std::pin::Pin;
use std::task::{Context, Poll};

use gatepost::status::Reason;
use http::{Method, Request, Response, header};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};
use tower_layer::Layer;
use tower_service::Service;

use crate::failure::UNIMPLEMENTED;

/// Service of the contract that another port serves.
#[derive(Clone, Copy, Debug)]
pub struct Elsewhere {
    /// Package of its methods, such as `company.product.v1`.
    pub package: &'static str,
    /// Name of the binary.
    pub service: &'static str,
    /// Default port of the binary.
    pub default_port: u16,
    /// Variable that sets the port.
    pub setting: &'static str,
}

impl Elsewhere {
    /// Returns true if `path` is in this service's package. Names are no secret: they are in the public descriptors.
    fn has(&self, path: &str) -> bool {
        let service = path.strip_prefix('/').and_then(|path| path.strip_prefix(self.package));
        service.is_some_and(|rest| rest.starts_with('.'))
    }
}

/// Layer that answers for methods of other ports, before the guard asks for a token.
pub(super) struct Signpost<R> {
    pub(super) elsewhere: &'static [Elsewhere],
    pub(super) reasons: std::marker::PhantomData<R>,
}

impl<R> Clone for Signpost<R> {
    fn clone(&self) -> Self {
        Self { elsewhere: self.elsewhere, reasons: self.reasons }
    }
}

impl<S, R> Layer<S> for Signpost<R> {
    type Service = Signposted<S, R>;

    fn layer(&self, inner: S) -> Self::Service {
        Signposted { inner, signpost: self.clone() }
    }
}

/// Service behind a [`Signpost`].
pub(super) struct Signposted<S, R> {
    inner: S,
    signpost: Signpost<R>,
}

impl<S: Clone, R> Clone for Signposted<S, R> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), signpost: self.signpost.clone() }
    }
}

impl<S, R, B, T> Service<Request<B>> for Signposted<S, R>
where
    S: Service<Request<B>, Response = Response<T>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    R: Reason,
    T: Default + Send + 'static,
{
    type Response = Response<T>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let path = request.uri().path();
        let found = self.signpost.elsewhere.iter().find(|elsewhere| is_grpc(&request) && elsewhere.has(path));
        if let Some(elsewhere) = found {
            return Box::pin(std::future::ready(Ok(status::<R>(elsewhere).into_http())));
        }
        Box::pin(self.inner.call(request))
    }
}

/// Returns `UNIMPLEMENTED` for a method of another port, with the likely port.
fn status<R: Reason>(elsewhere: &Elsewhere) -> Status {
    let Elsewhere { package, service, default_port, setting } = elsewhere;
    let port = default_port.to_string();
    let metadata = [("service", *service), ("default_port", port.as_str()), ("setting", *setting)];
    let metadata = metadata.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let details = ErrorDetails::with_error_info(UNIMPLEMENTED, R::DOMAIN, metadata);
    let message =
        format!("{package} is not served on this port: call {service}, on port {port} unless {setting} says otherwise");
    Status::with_error_details(Code::Unimplemented, message, details)
}

/// Returns true for a gRPC request; the guard refuses all others.
fn is_grpc<B>(request: &Request<B>) -> bool {
    let kind = request.headers().get(header::CONTENT_TYPE);
    request.method() == Method::POST && kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
}
