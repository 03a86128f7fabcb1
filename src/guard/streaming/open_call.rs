//! The state of an open call, shared by both directions.

use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Waker};
use std::time::Duration;

use http::Uri;
use http_body::Frame;
use tokio::time::{Instant, sleep};
use tonic::codegen::Bytes;

use super::super::authorizer::{Authorizer, Credential};
use super::super::limit::until;
use super::super::{Rejection, TrafficClass, Verify};
use crate::Uptime;
use crate::log::shown_path;
use crate::status::reason_name;

/// Interval of checks of an idle call, and pause between two requests without an introspection.
///
/// Evidence may miss a revocation for 1.5 s. With this interval, an idle stream is checked again within two seconds.
const CHECK_INTERVAL: Duration = Duration::from_millis(250);

/// Maximum time that a message waits for evidence.
const EVIDENCE_TIMEOUT: Duration = Duration::from_secs(2);

/// A pending check.
pub(super) type TokenCheck = Pin<Box<dyn Future<Output = Result<(), Rejection>> + Send>>;

/// A message that waits for its check.
pub(super) struct HeldFrame {
    pub(super) frame: Frame<Bytes>,
    pub(super) check: TokenCheck,
}

/// Periodic checks until a rejection.
pub(super) type PeriodicChecks = Pin<Box<dyn Future<Output = Rejection> + Send>>;

/// The time just before a call was checked: by the timers' clock and by the clock that counts suspended time.
#[derive(Clone, Copy)]
pub(in super::super) struct Admission(Instant, Duration);

impl Admission {
    pub(in super::super) fn now() -> Self {
        Self(Instant::now(), Uptime::system().now())
    }

    /// Returns true while a message may rely on the check that admitted the call. The limit is the
    /// same as for an idle stream. Time in a slow first poll of the handler counts, and so does suspended time.
    fn is_recent(self) -> bool {
        let Self(entered, uptime) = self;
        entered.elapsed() < CHECK_INTERVAL && Uptime::system().now().saturating_sub(uptime) < CHECK_INTERVAL
    }
}

/// An open call.
pub(in super::super) struct OpenCall<V> {
    authorizer: Arc<Authorizer<V>>,
    audience: Option<Arc<str>>,
    uri: Uri,
    credential: Credential,
    admission: Admission,
    /// True during the poll that admitted the call.
    is_admitting: AtomicBool,
    /// True once the handler gets, or wants, no more messages.
    is_request_over: AtomicBool,
    rejected: OnceLock<Rejection>,
    /// The task that waits for the next request message. The handler may use a task of its own for this.
    request_waker: Mutex<Option<Waker>>,
}

impl<V: Verify> OpenCall<V> {
    /// Creates the state of a call that this credential has just opened.
    pub(in super::super) fn new(
        authorizer: Arc<Authorizer<V>>,
        audience: Option<Arc<str>>,
        uri: Uri,
        credential: Credential,
        admission: Admission,
    ) -> Arc<Self> {
        let (is_admitting, is_request_over) = (AtomicBool::new(true), AtomicBool::new(false));
        let (rejected, request_waker) = (OnceLock::new(), Mutex::default());
        Arc::new(Self {
            authorizer,
            audience,
            uri,
            credential,
            admission,
            is_admitting,
            is_request_over,
            rejected,
            request_waker,
        })
    }

    /// Ends the poll that admitted the call.
    pub(super) fn end_admission(&self) {
        self.is_admitting.store(false, Ordering::Relaxed);
    }

    /// Returns a check of the credential now. Without evidence it asks again for up to 2 s.
    pub(super) fn check(self: &Arc<Self>) -> TokenCheck {
        let call = Arc::clone(self);
        Box::pin(async move { call.recheck().await })
    }

    /// Returns periodic checks.
    pub(super) fn periodic_checks(self: &Arc<Self>) -> PeriodicChecks {
        let call = Arc::clone(self);
        Box::pin(async move {
            loop {
                sleep(CHECK_INTERVAL).await;
                if let Err(rejection) = call.check().await {
                    return rejection;
                }
            }
        })
    }

    async fn recheck(&self) -> Result<(), Rejection> {
        let asking = async {
            loop {
                if let Some(rejection) = self.rejection() {
                    return Err(rejection);
                }
                match self
                    .authorizer
                    .authorize(
                        self.uri.path(),
                        &self.credential,
                        self.audience.as_deref(),
                        TrafficClass::OpenCall,
                        None,
                    )
                    .await
                {
                    Err(Rejection::AuthUnavailable) => sleep(CHECK_INTERVAL).await,
                    checked => return checked.map(drop),
                }
            }
        };
        until(Instant::now() + EVIDENCE_TIMEOUT, pin!(asking)).await.unwrap_or(Err(Rejection::AuthUnavailable))
    }

    /// Returns true if a message relies on the check that admitted the call: any message in the same poll, and the
    /// first message. Both for at most [`CHECK_INTERVAL`].
    pub(super) fn is_admitting(&self, is_first: bool) -> bool {
        (self.is_admitting.load(Ordering::Relaxed) || is_first) && self.admission.is_recent()
    }

    /// Records that the handler gets, or wants, no more messages.
    pub(super) fn end_messages(&self) {
        self.is_request_over.store(true, Ordering::Relaxed);
    }

    /// Returns true once the handler gets no more messages.
    pub(super) fn is_request_over(&self) -> bool {
        self.is_request_over.load(Ordering::Relaxed)
    }

    /// Ends the call. Returns the rejection that ended the call, which is the first one.
    pub(super) fn reject(&self, rejection: Rejection) -> Rejection {
        let first = *self.rejected.get_or_init(|| {
            self.authorizer.metrics.ended(rejection);
            if let Some(line) = self.authorizer.ended_lines.allow(rejection) {
                let method = &*shown_path(self.uri.path());
                tracing::info!(method, reason = reason_name(rejection.reason()), left_out = line.left_out(), "ended");
            }
            rejection
        });
        if let Some(request_waker) = self.request_waker().take() {
            request_waker.wake();
        }
        first
    }

    /// Wakes this task when the call ends. The caller must check for a rejection afterwards.
    pub(super) fn wake_at_end(&self, cx: &Context<'_>) {
        let mut request_waker = self.request_waker();
        if !request_waker.as_ref().is_some_and(|request_waker| request_waker.will_wake(cx.waker())) {
            *request_waker = Some(cx.waker().clone());
        }
    }

    fn request_waker(&self) -> MutexGuard<'_, Option<Waker>> {
        self.request_waker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the rejection that ended the call.
    pub(super) fn rejection(&self) -> Option<Rejection> {
        self.rejected.get().copied()
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use tracing::subscriber::set_default;

    use super::super::super::log_lines::LogLines;
    use super::super::super::scripted::{Scripted, ScriptedAnswer};
    use super::super::super::{Identity, InactiveReason, Policy, Token};
    use super::*;
    use crate::metrics::{GuardMetrics, RejectionCount};

    #[test]
    fn ended_call_is_logged_and_counted_once() {
        let end = || {
            let metrics = GuardMetrics::default();
            let (policy, verifier) = (Policy::closed(), Scripted::new([ScriptedAnswer::Answer]));
            let authorizer = Arc::new(Authorizer::new(policy, verifier, metrics.clone()));
            let token = Credential::Token(Token::parse("the-token-itself").unwrap());
            let call = OpenCall::new(authorizer, None, Uri::from_static("/a.B/C"), token, Admission::now());
            for rejection in [Rejection::Token(InactiveReason::Revoked), Rejection::AuthUnavailable] {
                assert_eq!(call.reject(rejection), Rejection::Token(InactiveReason::Revoked), "the first counts");
            }
            let ended = metrics.read().ended;
            assert_eq!(ended.iter().map(|ended| ended.count).sum::<u64>(), 1);
            let rejection = Rejection::Token(InactiveReason::Revoked);
            assert!(ended.contains(&RejectionCount { rejection, count: 1 }));
        };
        let log = LogLines::from_module("gatepost::guard::streaming::open_call");
        end();
        let listening = set_default(log.clone());
        end();
        drop(listening);
        assert_eq!(log.lines(), [r#"INFO ended method="/a.B/C" reason="TOKEN_REVOKED""#]);
    }

    #[tokio::test(start_paused = true)]
    async fn call_ends_with_its_client_certificate() {
        let verifier = Scripted::new([ScriptedAnswer::Hang]);
        let authorizer = Arc::new(Authorizer::new(Policy::closed(), verifier, GuardMetrics::default()));
        let checked = async |service: Identity| {
            let (uri, credential) = (Uri::from_static("/a.B/C"), Credential::Certificate(service));
            OpenCall::new(Arc::clone(&authorizer), None, uri, credential, Admission::now()).check().await
        };
        let service = Identity::service("blog");
        assert_eq!(checked(service.clone()).await, Ok(()), "the auth service is not asked");
        let expired = service.expire_time(SystemTime::UNIX_EPOCH);
        assert_eq!(checked(expired).await, Err(Rejection::Token(InactiveReason::Expired)));
    }

    #[tokio::test(start_paused = true)]
    async fn admission_covers_messages_for_250_ms_at_most() {
        let (policy, verifier) = (Policy::closed(), Scripted::new([ScriptedAnswer::Answer]));
        let authorizer = Arc::new(Authorizer::new(policy, verifier, GuardMetrics::default()));
        let token = Credential::Token(Token::parse("the-token-itself").unwrap());
        let call = OpenCall::new(authorizer, None, Uri::from_static("/a.B/C"), token, Admission::now());
        assert!(call.is_admitting(false) && call.is_admitting(true));
        tokio::time::advance(CHECK_INTERVAL).await;
        assert!(!call.is_admitting(false) && !call.is_admitting(true));
    }
}
