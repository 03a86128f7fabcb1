//! Way of a call: over the wire to a service, or to the methods in this process.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};

use tonic::body::Body;
use tonic::codegen::Service;
use tonic::codegen::http::{Request, Response};
use tonic::service::Routes;
use tonic::transport::Channel;

use crate::app::OperatorCall;

type Fault = Box<dyn Error + Send + Sync>;

/// Way of a call.
#[derive(Clone, Debug)]
pub(super) enum Transport {
    /// Service on the network.
    Remote(Channel),
    /// Methods in this process, which treat the caller as the operator.
    Local(Routes),
}

impl Service<Request<Body>> for Transport {
    type Response = Response<Body>;
    type Error = Fault;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Fault>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        match self {
            Self::Remote(channel) => channel.poll_ready(context).map_err(Into::into),
            Self::Local(routes) => Service::<Request<Body>>::poll_ready(routes, context).map_err(Into::into),
        }
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        match self {
            Self::Remote(channel) => {
                let answer = channel.call(request);
                Box::pin(async move { Ok(answer.await?) })
            }
            Self::Local(routes) => {
                request.extensions_mut().insert(OperatorCall);
                let answer = routes.call(request);
                Box::pin(async move { Ok(answer.await?) })
            }
        }
    }
}
