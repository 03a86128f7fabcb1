//! What both directions of an open call share: how it is judged, and how it has ended.

use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Waker};
use std::time::Duration;

use http::Uri;
use tokio::time::{Instant, sleep};

use super::super::limit::until;
use super::super::rules::Rules;
use super::super::{Asker, Refusal, Token, Verify};
use crate::Uptime;
use crate::log::shown_path;
use crate::status::reason_name;

/// How often an open call is judged on which no message comes, and how long the guard waits before it asks once more.
///
/// Evidence is up to 1.5 s behind a revocation. With this, an idle stream is judged once more before two seconds are over.
const EVERY: Duration = Duration::from_millis(250);

/// How long a message waits for evidence.
const PATIENCE: Duration = Duration::from_secs(2);

/// A judgement under way.
pub(super) type Judging = Pin<Box<dyn Future<Output = Result<(), Refusal>> + Send>>;

/// Judges by the clock, until there is a refusal.
pub(super) type Idle = Pin<Box<dyn Future<Output = Refusal> + Send>>;

/// When a call came in, read before it was judged: by the timers' clock, and by the one that counts suspended time.
#[derive(Clone, Copy)]
pub(in super::super) struct Entrance(Instant, Duration);

impl Entrance {
    pub(in super::super) fn now() -> Self {
        Self(Instant::now(), Uptime::system().now())
    }

    /// Whether what is read now may stand on the judgement by which the call was let in. It is as old as an idle stream's
    /// may be, however long the handler's first poll takes, and although the process was stopped in it.
    fn is_recent(self) -> bool {
        let Self(entered, uptime) = self;
        entered.elapsed() < EVERY && Uptime::system().now().saturating_sub(uptime) < EVERY
    }
}

/// One call that is open.
pub(in super::super) struct Watch<V> {
    rules: Arc<Rules<V>>,
    audience: Option<Arc<str>>,
    uri: Uri,
    token: Token,
    entrance: Entrance,
    /// Whether this is still the poll in which the call was let in.
    is_entering: AtomicBool,
    /// Whether the handler gets no more messages, or wants none.
    is_heard: AtomicBool,
    refused: OnceLock<Refusal>,
    /// Of whoever waits for the caller's next message: a task of the handler's own may do so for as long as the caller's side
    /// is open.
    hearer: Mutex<Option<Waker>>,
}

impl<V: Verify> Watch<V> {
    /// The call of this URI, which has been let in by this token just now.
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

    /// Ends the poll in which the call was let in.
    pub(super) fn enter(&self) {
        self.is_entering.store(false, Ordering::Relaxed);
    }

    /// Whether the token is good now; without evidence it is asked about until there is some, or for two seconds.
    pub(super) fn judging(self: &Arc<Self>) -> Judging {
        let watch = Arc::clone(self);
        Box::pin(async move { watch.judge().await })
    }

    /// Judges every now and then.
    pub(super) fn idle(self: &Arc<Self>) -> Idle {
        let watch = Arc::clone(self);
        Box::pin(async move {
            loop {
                sleep(EVERY).await;
                if let Err(refusal) = watch.judging().await {
                    return refusal;
                }
            }
        })
    }

    async fn judge(&self) -> Result<(), Refusal> {
        let asking = async {
            loop {
                if let Some(refusal) = self.refusal() {
                    return Err(refusal);
                }
                match self.rules.judge(self.uri.path(), &self.token, self.audience.as_deref(), Asker::Open, None).await
                {
                    Err(Refusal::AuthUnavailable) => sleep(EVERY).await,
                    judged => return judged.map(drop),
                }
            }
        };
        until(Instant::now() + PATIENCE, pin!(asking)).await.unwrap_or(Err(Refusal::AuthUnavailable))
    }

    /// Whether a message that the handler reads now stands on the judgement by which the call was let in: those that it
    /// reads in the same poll, and the first one, for [`EVERY`] at the most.
    pub(super) fn is_entering(&self, is_first: bool) -> bool {
        (self.is_entering.load(Ordering::Relaxed) || is_first) && self.entrance.is_recent()
    }

    /// The handler gets no more messages, or wants none.
    pub(super) fn end_messages(&self) {
        self.is_heard.store(true, Ordering::Relaxed);
    }

    /// Whether there are no more messages for the handler.
    pub(super) fn is_heard(&self) -> bool {
        self.is_heard.load(Ordering::Relaxed)
    }

    /// Ends the call, with the first refusal of all.
    pub(super) fn refuse(&self, refusal: Refusal) -> Refusal {
        let first = *self.refused.get_or_init(|| {
            self.rules.metrics.ended(refusal);
            if let Some(line) = self.rules.ended_lines.allow(refusal) {
                let method = &*shown_path(self.uri.path());
                tracing::info!(method, reason = reason_name(refusal.reason()), left_out = line.left_out(), "ended");
            }
            refusal
        });
        if let Some(hearer) = self.hearer().take() {
            hearer.wake();
        }
        first
    }

    /// Wakes this task when the call has ended. Whoever asks looks afterwards whether it has.
    pub(super) fn wake_at_end(&self, cx: &Context<'_>) {
        let mut hearer = self.hearer();
        if !hearer.as_ref().is_some_and(|hearer| hearer.will_wake(cx.waker())) {
            *hearer = Some(cx.waker().clone());
        }
    }

    fn hearer(&self) -> MutexGuard<'_, Option<Waker>> {
        self.hearer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why the call has ended, if the guard has ended it.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        self.refused.get().copied()
    }
}

#[cfg(test)]
mod tests {
    use tracing::subscriber::set_default;

    use super::super::super::log_lines::LogLines;
    use super::super::super::scripted::{Scripted, Step};
    use super::super::super::{Denial, Policy};
    use super::*;
    use crate::metrics::GuardMetrics;

    #[test]
    fn the_end_of_an_open_call_is_a_line_of_the_same_kind_and_counted_once() {
        let end = || {
            let metrics = GuardMetrics::default();
            let (policy, verifier) = (Policy::closed(), Scripted::new([Step::Answer]));
            let rules = Arc::new(Rules::new(policy, verifier, metrics.clone()));
            let token = Token::parse("the-token-itself").unwrap();
            let watch = Watch::new(rules, None, Uri::from_static("/a.B/C"), token, Entrance::now());
            for refusal in [Refusal::Token(Denial::Revoked), Refusal::AuthUnavailable] {
                assert_eq!(watch.refuse(refusal), Refusal::Token(Denial::Revoked), "the first counts");
            }
            let ended = metrics.read().ended;
            assert_eq!(ended.iter().map(|(_, count)| count).sum::<u64>(), 1);
            assert!(ended.contains(&(Refusal::Token(Denial::Revoked), 1)));
        };
        // Once without the log, for the reason that the breaker's test gives.
        end();
        let log = LogLines::of("gatepost::guard::open::watch");
        let listening = set_default(log.clone());
        end();
        drop(listening);
        assert_eq!(log.heard(), [r#"INFO ended method="/a.B/C" reason="TOKEN_REVOKED""#]);
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_stands_on_the_entrance_for_long_however_long_the_first_poll_takes() {
        let (policy, verifier) = (Policy::closed(), Scripted::new([Step::Answer]));
        let rules = Arc::new(Rules::new(policy, verifier, GuardMetrics::default()));
        let token = Token::parse("the-token-itself").unwrap();
        let watch = Watch::new(rules, None, Uri::from_static("/a.B/C"), token, Entrance::now());
        assert!(watch.is_entering(false) && watch.is_entering(true));
        tokio::time::advance(EVERY).await;
        assert!(!watch.is_entering(false) && !watch.is_entering(true));
    }
}
