//! The state of an open call, shared by both directions.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use http::{Response, Uri};
use tokio::time::{Instant, sleep};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::{Bytes, StdError};

use super::super::limit::until;
use super::super::rules::Rules;
use super::super::{Rejection, Token, TrafficClass, Verify};
use super::answer::Answer;
use super::messages::Messages;
use crate::Uptime;
use crate::log::shown_path;
use crate::status::reason_name;

/// Interval of judgments of an idle call, and pause between two requests without an introspection.
///
/// Evidence may be 1.5 s behind a revocation. This interval judges an idle stream once more within two seconds.
const JUDGMENT_INTERVAL: Duration = Duration::from_millis(250);

/// Maximum time that a message waits for evidence.
const EVIDENCE_TIMEOUT: Duration = Duration::from_secs(2);

/// A pending judgment.
pub(super) type Judging = Pin<Box<dyn Future<Output = Result<(), Rejection>> + Send>>;

/// Periodic judgments until a rejection.
pub(super) type Idle = Pin<Box<dyn Future<Output = Rejection> + Send>>;

/// The time just before a call was judged: by the timers' clock and by the clock that counts suspended time.
#[derive(Clone, Copy)]
pub(in super::super) struct Entrance(Instant, Duration);

impl Entrance {
    pub(in super::super) fn now() -> Self {
        Self(Instant::now(), Uptime::system().now())
    }

    /// Returns true while a message may rely on the judgment that admitted the call. The limit is that of an idle stream.
    /// Slow first polls of the handler and suspensions count.
    fn is_recent(self) -> bool {
        let Self(entered, uptime) = self;
        entered.elapsed() < JUDGMENT_INTERVAL && Uptime::system().now().saturating_sub(uptime) < JUDGMENT_INTERVAL
    }
}

/// An open call.
pub(in super::super) struct Watch<V> {
    rules: Arc<Rules<V>>,
    audience: Option<Arc<str>>,
    uri: Uri,
    token: Token,
    entrance: Entrance,
    /// True during the poll that admitted the call.
    is_entering: AtomicBool,
    /// True once the handler gets, or wants, no more messages.
    is_heard: AtomicBool,
    refused: OnceLock<Rejection>,
    /// The task that waits for the next request message. The handler may use a task of its own for this.
    hearer: Mutex<Option<Waker>>,
}

impl<V: Verify> Watch<V> {
    /// Creates the state of a call that this token has just opened.
    pub(in super::super) fn new(
        rules: Arc<Rules<V>>,
        audience: Option<Arc<str>>,
        uri: Uri,
        token: Token,
        entrance: Entrance,
    ) -> Arc<Self> {
        let (is_entering, is_heard) = (AtomicBool::new(true), AtomicBool::new(false));
        let (refused, hearer) = (OnceLock::new(), Mutex::default());
        Arc::new(Self { rules, audience, uri, token, entrance, is_entering, is_heard, refused, hearer })
    }

    /// Returns the request body with judged messages.
    pub(in super::super) fn messages(self: &Arc<Self>, body: Body) -> Body {
        Body::new(Messages::new(body, Arc::clone(self)))
    }

    /// Returns the handler's response with judged messages, or the rejection that precedes it.
    pub(in super::super) async fn answer<R, E>(
        self: Arc<Self>,
        mut call: Pin<&mut impl Future<Output = Result<Response<R>, E>>>,
    ) -> Result<Response<Body>, E>
    where
        R: http_body::Body<Data = Bytes> + Send + 'static,
        R::Error: Into<StdError>,
    {
        // Set for a call that waits for request messages. Most unary calls need none.
        let mut idle: Option<Idle> = None;
        let answered = poll_fn(|cx| {
            let answered = call.as_mut().poll(cx);
            self.is_entering.store(false, Ordering::Relaxed);
            if let Some(rejection) = self.rejection() {
                return Poll::Ready(Err(rejection));
            }
            if answered.is_ready() {
                return answered.map(Ok);
            }
            if self.is_heard() {
                idle = None;
                return Poll::Pending;
            }
            idle.get_or_insert_with(|| self.idle()).as_mut().poll(cx).map(Err)
        });
        match answered.await {
            Ok(response) => Ok(response?.map(|body| Body::new(Answer::new(Body::new(body), self)))),
            Err(rejection) => Ok(Status::from(self.refuse(rejection)).into_http()),
        }
    }

    /// Returns a judgment of the token now. Without evidence it asks again for up to 2 s.
    pub(super) fn judging(self: &Arc<Self>) -> Judging {
        let watch = Arc::clone(self);
        Box::pin(async move { watch.judge().await })
    }

    /// Returns periodic judgments.
    pub(super) fn idle(self: &Arc<Self>) -> Idle {
        let watch = Arc::clone(self);
        Box::pin(async move {
            loop {
                sleep(JUDGMENT_INTERVAL).await;
                if let Err(rejection) = watch.judging().await {
                    return rejection;
                }
            }
        })
    }

    async fn judge(&self) -> Result<(), Rejection> {
        let asking = async {
            loop {
                if let Some(rejection) = self.rejection() {
                    return Err(rejection);
                }
                match self
                    .rules
                    .judge(self.uri.path(), &self.token, self.audience.as_deref(), TrafficClass::OpenCall, None)
                    .await
                {
                    Err(Rejection::AuthUnavailable) => sleep(JUDGMENT_INTERVAL).await,
                    judged => return judged.map(drop),
                }
            }
        };
        until(Instant::now() + EVIDENCE_TIMEOUT, pin!(asking)).await.unwrap_or(Err(Rejection::AuthUnavailable))
    }

    /// Returns true if a message relies on the judgment that admitted the call: any message in the same poll, and the
    /// first message. Both for at most [`JUDGMENT_INTERVAL`].
    pub(super) fn is_entering(&self, is_first: bool) -> bool {
        (self.is_entering.load(Ordering::Relaxed) || is_first) && self.entrance.is_recent()
    }

    /// Records that the handler gets, or wants, no more messages.
    pub(super) fn end_messages(&self) {
        self.is_heard.store(true, Ordering::Relaxed);
    }

    /// Returns true once the handler gets no more messages.
    pub(super) fn is_heard(&self) -> bool {
        self.is_heard.load(Ordering::Relaxed)
    }

    /// Ends the call. Returns the rejection that ended the call, which is the first one.
    pub(super) fn refuse(&self, rejection: Rejection) -> Rejection {
        let first = *self.refused.get_or_init(|| {
            self.rules.metrics.ended(rejection);
            if let Some(line) = self.rules.ended_lines.allow(rejection) {
                let method = &*shown_path(self.uri.path());
                tracing::info!(method, reason = reason_name(rejection.reason()), left_out = line.left_out(), "ended");
            }
            rejection
        });
        if let Some(hearer) = self.hearer().take() {
            hearer.wake();
        }
        first
    }

    /// Wakes this task when the call ends. The caller must check for a rejection afterwards.
    pub(super) fn wake_at_end(&self, cx: &Context<'_>) {
        let mut hearer = self.hearer();
        if !hearer.as_ref().is_some_and(|hearer| hearer.will_wake(cx.waker())) {
            *hearer = Some(cx.waker().clone());
        }
    }

    fn hearer(&self) -> MutexGuard<'_, Option<Waker>> {
        self.hearer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the rejection that ended the call.
    pub(super) fn rejection(&self) -> Option<Rejection> {
        self.refused.get().copied()
    }
}

#[cfg(test)]
mod tests {
    use tracing::subscriber::set_default;

    use super::super::super::log_lines::LogLines;
    use super::super::super::scripted::{Scripted, Step};
    use super::super::super::{InactiveReason, Policy};
    use super::*;
    use crate::metrics::GuardMetrics;

    #[test]
    fn ended_call_is_logged_and_counted_once() {
        let end = || {
            let metrics = GuardMetrics::default();
            let (policy, verifier) = (Policy::closed(), Scripted::new([Step::Answer]));
            let rules = Arc::new(Rules::new(policy, verifier, metrics.clone()));
            let token = Token::parse("the-token-itself").unwrap();
            let watch = Watch::new(rules, None, Uri::from_static("/a.B/C"), token, Entrance::now());
            for rejection in [Rejection::Token(InactiveReason::Revoked), Rejection::AuthUnavailable] {
                assert_eq!(watch.refuse(rejection), Rejection::Token(InactiveReason::Revoked), "the first counts");
            }
            let ended = metrics.read().ended;
            assert_eq!(ended.iter().map(|(_, count)| count).sum::<u64>(), 1);
            assert!(ended.contains(&(Rejection::Token(InactiveReason::Revoked), 1)));
        };
        // The breaker's test explains this first run without the log.
        end();
        let log = LogLines::of("gatepost::guard::open::watch");
        let listening = set_default(log.clone());
        end();
        drop(listening);
        assert_eq!(log.heard(), [r#"INFO ended method="/a.B/C" reason="TOKEN_REVOKED""#]);
    }

    #[tokio::test(start_paused = true)]
    async fn admission_covers_messages_for_250_ms_at_most() {
        let (policy, verifier) = (Policy::closed(), Scripted::new([Step::Answer]));
        let rules = Arc::new(Rules::new(policy, verifier, GuardMetrics::default()));
        let token = Token::parse("the-token-itself").unwrap();
        let watch = Watch::new(rules, None, Uri::from_static("/a.B/C"), token, Entrance::now());
        assert!(watch.is_entering(false) && watch.is_entering(true));
        tokio::time::advance(JUDGMENT_INTERVAL).await;
        assert!(!watch.is_entering(false) && !watch.is_entering(true));
    }
}
