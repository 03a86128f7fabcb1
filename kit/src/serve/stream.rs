//! One stream: a request, its call, and its answer.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::{Request, Response};
use tokio::time::timeout;
use tonic::body::Body;
use tonic::transport::server::TcpConnectInfo;
use tower_service::Service;

use super::call::{Call, Room};
use super::connection::Host;
use super::incoming::Incoming;
use super::memory::Account;
use super::outgoing::{Sent, send};
use super::piece::Piece;
use super::seats::{Open, Seat};

/// Answers that a connection's reader may leave unread before the connection is closed.
const MAX_STALLED_ANSWERS: u32 = 3;

/// The parts that all streams of a connection share.
pub(super) struct Exchange<S> {
    pub(super) host: Arc<Host<S>>,
    pub(super) requests: Arc<Account>,
    pub(super) answers: Arc<Account>,
    pub(super) info: TcpConnectInfo,
}

impl<S> Clone for Exchange<S> {
    fn clone(&self) -> Self {
        let (host, requests, answers) = (Arc::clone(&self.host), Arc::clone(&self.requests), Arc::clone(&self.answers));
        Self { host, requests, answers, info: self.info.clone() }
    }
}

impl<S, T> Exchange<S>
where
    S: Service<Request<Body>, Response = Response<T>, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send,
    T: http_body::Body<Data = Bytes> + Send + 'static,
{
    /// Answers a request.
    pub(super) async fn answer(
        self,
        request: Request<RecvStream>,
        mut respond: SendResponse<Piece>,
        open: Open,
        seat: Arc<Seat>,
    ) {
        let limits = &self.host.limits;
        let beginning = Call::begin(Arc::clone(&self.requests), Arc::clone(&self.answers), self.host.overloaded);
        // The answers before are still unread: nothing of this call has been done.
        let Some(begun) = until_reset(&mut respond, timeout(limits.deadline, beginning)).await else { return };
        let Ok(Some(call)) = begun else {
            respond.send_reset(Reason::REFUSED_STREAM);
            return;
        };
        let (mut head, body) = request.into_parts();
        head.extensions.insert(self.info.clone());
        head.extensions.insert(Room::new(Arc::clone(&call)));
        let body = Body::new(Incoming::new(body, Arc::clone(&call)));
        let mut service = self.host.service.clone();
        let Some(response) =
            until_reset(&mut respond, call_service(&mut service, Request::from_parts(head, body))).await
        else {
            return;
        };
        call.release_request();
        let outcome = send(response, respond, &call, limits.reader()).await;
        if outcome == Sent::Stalled {
            tracing::debug!("an answer was not read: its stream has been reset");
            if self.answers.offend() >= MAX_STALLED_ANSWERS {
                seat.expel();
            }
        }
        drop(open);
    }
}

async fn call_service<S, T>(service: &mut S, request: Request<Body>) -> Response<T>
where
    S: Service<Request<Body>, Response = Response<T>, Error = Infallible>,
{
    let Ok(()) = poll_fn(|cx| service.poll_ready(cx)).await;
    let Ok(response) = service.call(request).await;
    response
}

/// Runs a call until its caller resets the stream.
async fn until_reset<O>(respond: &mut SendResponse<Piece>, call: impl Future<Output = O>) -> Option<O> {
    let mut call = pin!(call);
    poll_fn(|cx| match call.as_mut().poll(cx) {
        Poll::Ready(response) => Poll::Ready(Some(response)),
        Poll::Pending => respond.poll_reset(cx).map(|_reset| None),
    })
    .await
}
