//! Sends an answer at its reader's pace, and resets the stream of a reader that is too slow.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, SendStream};
use http::Response;
use http::header::CONTENT_TYPE;
use http_body::{Body, Frame};
use tokio::time::{Instant, Sleep, sleep_until, timeout};
use tonic::Code;

use super::call::CallMemory;
use super::counters::CallRecord;
use super::floor::{DemandedPace, Floor};
use super::gzip;
use super::memory::Reservation;
use super::piece::Piece;

/// Rules of an answer's reader.
#[derive(Clone, Copy)]
pub(super) struct ReaderLimits {
    /// Set if the reader takes the answer compressed with gzip.
    pub(super) gzip: bool,
    /// Period in which the reader must take `bytes`.
    pub(super) stall: Duration,
    /// Minimum number of bytes in a period, or all remaining bytes if they are fewer.
    pub(super) bytes: usize,
    /// Time for a whole message.
    pub(super) message: Duration,
}

/// End of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// The transport has taken the whole answer.
    Whole,
    /// The reader or the connection has gone.
    Gone,
    /// The reader took too little: the stream was reset.
    Stalled,
}

/// Sends a response. An answer for which there is no room becomes a refusal.
pub(super) async fn send<B>(
    response: Response<B>,
    mut respond: SendResponse<Piece>,
    call: &CallMemory,
    record: &CallRecord<'_>,
    limits: ReaderLimits,
) -> Sent
where
    B: Body<Data = Bytes>,
{
    let (head, body) = response.into_parts();
    record.note_from(&head.headers);
    let mut head = Response::from_parts(head, ());
    let mut body = pin!(body);
    if body.is_end_stream() {
        return respond.send_response(head, true).map_or(Sent::Gone, |_| Sent::Whole);
    }
    // Room for a first message is reserved before its headers are sent, so that a refusal can take its place.
    let first = poll_fn(|cx| Poll::Ready(body.as_mut().poll_frame(cx).map_err(drop))).await;
    let (first, hold) = match first {
        Poll::Pending => {
            // A silent stream keeps no room.
            call.release_answer();
            (None, None)
        }
        Poll::Ready(Some(Err(()))) => {
            record.note(Code::Internal);
            respond.send_reset(Reason::INTERNAL_ERROR);
            return Sent::Gone;
        }
        Poll::Ready(Some(Ok(mut frame))) => {
            if limits.gzip {
                frame = gzip::compressed(frame, head.headers_mut(), call.compressing()).await;
            }
            match frame.data_ref().map(|data| call.hold_answer(data.len())) {
                Some(None) => {
                    let refusal = call.overloaded();
                    record.refuse(&refusal);
                    let refusal = refusal.into_http::<()>();
                    return respond.send_response(refusal, true).map_or(Sent::Gone, |_| Sent::Whole);
                }
                hold => (Some(frame), hold.flatten()),
            }
        }
        Poll::Ready(None) => return respond.send_response(head, true).map_or(Sent::Gone, |_| Sent::Whole),
    };
    let Ok(stream) = respond.send_response(head, false) else { return Sent::Gone };
    let mut answer = AnswerStream { stream, call, record, limits };
    let mut sent = match first {
        Some(first) => answer.frame(first, hold).await,
        None => None,
    };
    while sent.is_none() {
        sent = match next(body.as_mut(), call, |cx| answer.stream.poll_reset(cx).map(drop)).await {
            BodyEvent::Crowded => Some(answer.refuse()),
            BodyEvent::Gone => Some(Sent::Gone),
            BodyEvent::End => Some(answer.end()),
            BodyEvent::Failed => Some(answer.reset(Reason::INTERNAL_ERROR, Sent::Gone)),
            BodyEvent::Frame(frame) => answer.next(frame).await,
        };
    }
    sent.unwrap_or(Sent::Gone)
}

/// Next event of a body.
enum BodyEvent {
    Frame(Frame<Bytes>),
    End,
    Failed,
    Gone,
    /// The body is silent, and there is no place for one more silent stream.
    Crowded,
}

/// Waits for the body's next frame, or until its reader has gone.
async fn next<B>(
    mut body: Pin<&mut B>,
    call: &CallMemory,
    mut poll_gone: impl FnMut(&mut Context<'_>) -> Poll<()>,
) -> BodyEvent
where
    B: Body<Data = Bytes>,
{
    poll_fn(|cx| match body.as_mut().poll_frame(cx) {
        Poll::Ready(Some(Ok(frame))) => Poll::Ready(BodyEvent::Frame(frame)),
        Poll::Ready(Some(Err(_))) => Poll::Ready(BodyEvent::Failed),
        Poll::Ready(None) => Poll::Ready(BodyEvent::End),
        Poll::Pending if !call.stay() => Poll::Ready(BodyEvent::Crowded),
        Poll::Pending => poll_gone(cx).map(|()| BodyEvent::Gone),
    })
    .await
}

/// Answer after its headers.
struct AnswerStream<'c> {
    stream: SendStream<Piece>,
    call: &'c CallMemory,
    record: &'c CallRecord<'c>,
    limits: ReaderLimits,
}

impl AnswerStream<'_> {
    /// Sends a frame after the first one as soon as there is room for it.
    async fn next(&mut self, frame: Frame<Bytes>) -> Option<Sent> {
        let Some(bytes) = frame.data_ref().map(Bytes::len) else { return self.frame(frame, None).await };
        let reserved = timeout(self.limits.stall, self.call.answers().reserve(bytes)).await;
        match reserved {
            Ok(Some(hold)) => self.frame(frame, Some(hold)).await,
            // The reader is not at fault.
            _ => Some(self.reset(Reason::ENHANCE_YOUR_CALM, Sent::Gone)),
        }
    }

    /// Sends a frame. Returns the end of the answer if it has ended.
    async fn frame(&mut self, frame: Frame<Bytes>, hold: Option<Reservation>) -> Option<Sent> {
        match frame.into_data() {
            Ok(data) => self.data(data, hold.map(Arc::new)).await,
            Err(frame) => {
                let trailers = frame.into_trailers().ok()?;
                self.record.note_from(&trailers);
                Some(self.stream.send_trailers(trailers).map_or(Sent::Gone, |()| Sent::Whole))
            }
        }
    }

    /// Sends data in pieces no larger than the reader's window.
    async fn data(&mut self, mut data: Bytes, hold: Option<Arc<Reservation>>) -> Option<Sent> {
        let mut reader = None;
        while !data.is_empty() {
            self.stream.reserve_capacity(data.len());
            let mut capacity = self.stream.capacity();
            if capacity == 0 {
                let reader = reader.get_or_insert_with(|| SlowReader::new(self.limits));
                reader.floor.ask_at_most(data.len());
                match self.capacity(reader).await {
                    Ok(more) => capacity = more,
                    Err(ended) => return Some(ended),
                }
            }
            let piece = data.split_to(capacity.min(data.len()));
            if let Some(reader) = &mut reader {
                reader.floor.moved(piece.len());
            }
            if self.stream.send_data(Piece::new(piece, hold.clone()), false).is_err() {
                return Some(Sent::Gone);
            }
        }
        None
    }

    /// Waits until the reader's window has room.
    async fn capacity(&mut self, reader: &mut SlowReader) -> Result<usize, Sent> {
        let (stream, answers) = (&mut self.stream, self.call.answers());
        let waited = poll_fn(|cx| {
            match stream.poll_capacity(cx) {
                Poll::Ready(Some(Ok(capacity))) if capacity > 0 => return Poll::Ready(Ok(capacity)),
                Poll::Ready(Some(Ok(_))) | Poll::Pending => {}
                Poll::Ready(Some(Err(_)) | None) => return Poll::Ready(Err(Sent::Gone)),
            }
            let is_over = reader.floor.poll_fall(cx, || answers.is_pressed()).is_ready()
                || reader.end.as_mut().poll(cx).is_ready();
            if is_over { Poll::Ready(Err(Sent::Stalled)) } else { Poll::Pending }
        })
        .await;
        if waited == Err(Sent::Stalled) {
            return Err(self.reset(Reason::ENHANCE_YOUR_CALM, Sent::Stalled));
        }
        waited
    }

    /// Ends a stream for which there is no place.
    fn refuse(&mut self) -> Sent {
        let mut trailers = self.call.overloaded().into_http::<()>().into_parts().0.headers;
        trailers.remove(CONTENT_TYPE);
        self.record.note_from(&trailers);
        self.stream.send_trailers(trailers).map_or(Sent::Gone, |()| Sent::Whole)
    }

    /// Ends an answer without trailers.
    fn end(&mut self) -> Sent {
        self.stream.send_data(Piece::default(), true).map_or(Sent::Gone, |()| Sent::Whole)
    }

    /// Resets the stream, and drops unsent data.
    fn reset(&mut self, reason: Reason, sent: Sent) -> Sent {
        // gRPC clients read these codes as the same statuses.
        self.record.note(if reason == Reason::INTERNAL_ERROR { Code::Internal } else { Code::ResourceExhausted });
        self.stream.send_reset(reason);
        sent
    }
}

/// Reader that has no room for a whole message at once.
struct SlowReader {
    floor: Floor,
    end: Pin<Box<Sleep>>,
}

impl SlowReader {
    fn new(limits: ReaderLimits) -> Self {
        let floor = Floor::with_pace(DemandedPace { period: limits.stall, bytes: limits.bytes });
        Self { floor, end: Box::pin(sleep_until(Instant::now() + limits.message)) }
    }
}
