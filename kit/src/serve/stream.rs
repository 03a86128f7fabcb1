//! One stream: a request, its call and its answer.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use gatepost::trace::{TraceParent, within};
use gatepost::{PeerCertificate, deadline};
use h2::server::SendResponse;
use h2::{Reason, RecvStream};
use http::{Request, Response};
use tokio::time::{Instant, timeout_at};
use tonic::body::Body;
use tonic::transport::server::TcpConnectInfo;
use tonic::{Code, Status};
use tower_service::Service;

use super::call::{CallMemory, Room, Shares};
use super::counters::CallRecord;
use super::envelope::AcceptedAt;
use super::gzip::{self, Inflated};
use super::host::Host;
use super::incoming::Incoming;
use super::outgoing::{ReaderLimits, Sent, send};
use super::piece::Piece;
use super::seats::{OpenStream, Seat};
use super::waiting::WaitPermit;

/// Unread answers after which a connection is closed.
const MAX_STALLED_ANSWERS: u32 = 3;

/// State that all streams of a connection share.
pub(super) struct Exchange<S> {
    pub(super) host: Arc<Host<S>>,
    pub(super) shares: Arc<Shares>,
    pub(super) info: TcpConnectInfo,
    /// Certificate of the client, which TLS has verified.
    pub(super) certificate: Option<PeerCertificate>,
}

impl<S> Clone for Exchange<S> {
    fn clone(&self) -> Self {
        let (host, shares, info) = (Arc::clone(&self.host), Arc::clone(&self.shares), self.info.clone());
        Self { host, shares, info, certificate: self.certificate.clone() }
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
        accepted: Instant,
        open: OpenStream,
        seat: Arc<Seat>,
    ) {
        let (mut head, body) = request.into_parts();
        let path = head.uri.path();
        let lane = self.host.lanes.find(path);
        let call = CallMemory::new(Arc::clone(&self.shares), path, lane, self.host.refusals);
        let gzip = gzip::is_accepted(&head.headers) && !self.host.secret_answers.contains(&path);
        let reader = ReaderLimits { gzip, ..self.host.limits.reader() };
        let inflated = gzip::take_encoding(&mut head.headers).then_some(self.host.limits.message);
        let span = self.host.tracer.start(&mut head.headers, self.info.remote_addr());
        let record = self.host.metrics.counters().begin_call(path, accepted, span.clone());
        let mut body = Incoming::new(body, Arc::clone(&call), inflated);
        let own = self.host.limits.deadline;
        let end = accepted + deadline::requested(&head.headers).map_or(own, |requested| requested.min(own));
        let is_streamed = self.host.streamed.has(path);
        // A client stream may wait for a message at any time.
        let has_place = !is_streamed || call.stay();
        let begun = call.lane().waiting.wait(begin((!is_streamed).then_some(&mut body), &call, end));
        let Some(begun) = until_reset(&mut respond, begun).await else { return };
        if let Some(Err(refusal)) = begun {
            record.refuse(&refusal);
            // The received data is dropped at once, so that it blocks no window of others.
            let _ = respond.send_response(refusal.into_http(), true);
            return;
        }
        if !matches!(begun, Some(Ok(true))) || !has_place {
            // No part of this call was executed, so the client may repeat it.
            record.note(Code::Unavailable);
            respond.send_reset(Reason::REFUSED_STREAM);
            return;
        }
        let Some(permit) = call.lane().running.enter() else {
            let refusal = self.host.refuse_to_run(lane);
            record.refuse(&refusal);
            let _ = respond.send_response(refusal.into_http(), true);
            return;
        };
        self.host.saturation.watch();
        head.extensions.insert(self.info.clone());
        if let Some(certificate) = &self.certificate {
            head.extensions.insert(certificate.clone());
        }
        head.extensions.insert(AcceptedAt(accepted));
        let trace = span.as_ref().and_then(|span| span.context());
        if let Some(span) = span {
            head.extensions.insert(span);
        }
        head.extensions.insert(Room::new(Arc::clone(&call)));
        let body = match inflated {
            Some(limit) => Body::new(Inflated::new(body, Arc::clone(&call), limit)),
            None => Body::new(body),
        };
        let request = Request::from_parts(head, body);
        // Boxed, so that a stream that only waits takes little memory.
        let running = RunningCall { call: &call, record: &record, permit, trace };
        Box::pin(self.call(request, respond, running, reader, &seat)).await;
        drop(open);
    }

    /// Calls the service and sends its answer.
    async fn call(
        &self,
        request: Request<Body>,
        mut respond: SendResponse<Piece>,
        running: RunningCall<'_>,
        reader: ReaderLimits,
        seat: &Seat,
    ) {
        let RunningCall { call, record, permit, trace } = running;
        let mut service = self.host.service.clone();
        let answering = within(trace, call_service(&mut service, request));
        let Some(response) = until_reset(&mut respond, answering).await else { return };
        drop(permit);
        call.release_request();
        let outcome = send(response, respond, call, record, reader).await;
        if outcome == Sent::Stalled {
            tracing::debug!("stream reset: its answer was not read");
            if self.shares.answers.offend() >= MAX_STALLED_ANSWERS {
                seat.expel();
            }
        }
    }
}

/// Call that has begun to run.
struct RunningCall<'c> {
    call: &'c CallMemory,
    record: &'c CallRecord<'c>,
    /// Place among the running calls, until the service has answered.
    permit: WaitPermit,
    /// Trace of the service's work.
    trace: Option<TraceParent>,
}

/// Waits for the first message of a body, then for room for the answer. Returns false if there is no room.
///
/// At the call's deadline the service is called without the message; its answer is then the error of the deadline.
///
/// # Errors
/// Refuses a message without room.
async fn begin(body: Option<&mut Incoming>, call: &CallMemory, end: Instant) -> Result<bool, Status> {
    if let Some(body) = body
        && let Ok(first) = timeout_at(end, poll_fn(|cx| body.poll_first(cx))).await
    {
        first?;
    }
    Ok(timeout_at(end, call.begin()).await.unwrap_or(false))
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
