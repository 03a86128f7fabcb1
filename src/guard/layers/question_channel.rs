//! The channel that questions take: a new one as soon as the old one has fallen silent.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::Instant;
use tonic::transport::{Channel, Endpoint};

/// The part of a question's limit for which it must have waited for its silence to count.
const SILENCE: f64 = 0.8;

/// Time before its deadline from which on a question has run out of time: timers do not agree to the microsecond.
const TOLERANCE: Duration = Duration::from_millis(5);

/// The least time from one change of the channel to the next one that a question causes: an auth service that stands still
/// is not met with a storm of connections.
const CHANGE_INTERVAL: Duration = Duration::from_secs(1);

/// Shares a channel to the auth service among all questions, and replaces it once it has fallen silent.
///
/// A replica that vanishes without a reset leaves a connection that looks alive for the 15 s of the keep-alive. So the
/// channel is replaced
///
/// - when a question has run out of time, and no question was answered since it began: at most once a second;
/// - when the feed has come back after a loss, and no question was answered since the loss.
///
/// Questions under way are then asked again on the next channel, within their own time.
#[derive(Clone)]
pub(in crate::guard) struct QuestionChannel(Arc<Inner>);

struct Inner {
    /// `None` for a channel that the caller has set up, and that stays.
    endpoint: Option<Endpoint>,
    /// The least time for which a question must have waited for its silence to count.
    silence: Duration,
    current: watch::Sender<Channel>,
    signs: Mutex<Signs>,
}

/// The signs of life of the current channel.
struct Signs {
    /// The time of the last answer, or of the channel's beginning.
    heard: Instant,
    /// The time of the last change.
    changed: Option<Instant>,
    /// Set once a change is logged, until the next answer.
    is_logged: bool,
}

/// A question that waits for its answer. Dropped at its deadline, it has found the channel silent.
pub(super) struct Waiting<'a> {
    channel: &'a QuestionChannel,
    begun: Instant,
    deadline: Instant,
}

impl QuestionChannel {
    /// Begins with a channel to this endpoint, which connects at the first question. A question lasts at most `limit`.
    ///
    /// # Panics
    /// Outside a Tokio runtime.
    pub(in crate::guard) fn to(endpoint: Endpoint, limit: Duration) -> Self {
        let channel = endpoint.connect_lazy();
        Self::begin(Some(endpoint), channel, limit)
    }

    /// Keeps to a channel that the caller has set up.
    pub(super) fn fixed(channel: Channel) -> Self {
        Self::begin(None, channel, Duration::MAX / 2)
    }

    fn begin(endpoint: Option<Endpoint>, channel: Channel, limit: Duration) -> Self {
        let silence = limit.mul_f64(SILENCE);
        let signs = Mutex::new(Signs { heard: Instant::now(), changed: None, is_logged: false });
        Self(Arc::new(Inner { endpoint, silence, current: watch::Sender::new(channel), signs }))
    }

    /// Returns the channel, and the changes that are to come.
    pub(super) fn subscribe(&self) -> watch::Receiver<Channel> {
        self.0.current.subscribe()
    }

    /// Begins to wait for an answer.
    pub(super) fn wait(&self, deadline: Instant) -> Waiting<'_> {
        Waiting { channel: self, begun: Instant::now(), deadline }
    }

    /// Records that the auth service has answered, with a verdict or an error.
    pub(super) fn answered(&self) {
        self.with_signs(|signs| (signs.heard, signs.is_logged) = (Instant::now(), false));
    }

    /// Replaces the channel, unless it has answered since.
    pub(in crate::guard) fn leave(&self, since: Instant) {
        self.with_signs(|signs| self.replace(signs, since));
    }

    /// Records that a question of this time has run out of time.
    fn fell_silent(&self, begun: Instant) {
        self.with_signs(|signs| {
            let is_due = signs.changed.is_none_or(|changed| changed.elapsed() >= CHANGE_INTERVAL);
            if is_due {
                self.replace(signs, begun);
            }
        });
    }

    fn replace(&self, signs: &mut Signs, since: Instant) {
        let Some(endpoint) = self.0.endpoint.as_ref().filter(|_| signs.heard < since) else { return };
        // A question may be dropped with its runtime, where no channel can begin.
        if Handle::try_current().is_err() {
            return;
        }
        let now = Instant::now();
        (signs.heard, signs.changed) = (now, Some(now));
        self.0.current.send_replace(endpoint.connect_lazy());
        if !std::mem::replace(&mut signs.is_logged, true) {
            tracing::info!("auth service silent: questions take a new connection");
        }
    }

    fn with_signs<T>(&self, change: impl FnOnce(&mut Signs) -> T) -> T {
        change(&mut self.0.signs.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let is_out_of_time = Instant::now() + TOLERANCE >= self.deadline;
        if is_out_of_time && self.deadline.saturating_duration_since(self.begun) >= self.channel.0.silence {
            // After an answer this changes nothing.
            self.channel.fell_silent(self.begun);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn channel() -> QuestionChannel {
        QuestionChannel::to(Endpoint::from_static("http://127.0.0.1:1"), ms(500))
    }

    /// Reports whether the channel was replaced meanwhile.
    async fn changes(channel: &QuestionChannel, run: impl AsyncFnOnce()) -> bool {
        let changes = channel.subscribe();
        run().await;
        changes.has_changed().unwrap()
    }

    /// A question with this much time that is not answered.
    async fn ask_in_vain(channel: &QuestionChannel, limit: Duration) {
        let waiting = channel.wait(Instant::now() + limit);
        advance(limit).await;
        drop(waiting);
    }

    #[tokio::test(start_paused = true)]
    async fn silent_question_replaces_the_channel() {
        let channel = channel();
        advance(ms(1)).await;
        assert!(changes(&channel, async || ask_in_vain(&channel, ms(500)).await).await);
    }

    #[tokio::test(start_paused = true)]
    async fn channel_that_answers_another_question_stays() {
        let channel = channel();
        let waiting = channel.wait(Instant::now() + ms(500));
        advance(ms(1)).await;
        channel.answered();
        advance(ms(499)).await;
        assert!(!changes(&channel, async || drop(waiting)).await);
    }

    #[tokio::test(start_paused = true)]
    async fn questions_in_a_hurry_and_callers_who_leave_change_nothing() {
        let channel = channel();
        advance(ms(1)).await;
        assert!(!changes(&channel, async || ask_in_vain(&channel, ms(399)).await).await);
        let waiting = channel.wait(Instant::now() + ms(500));
        advance(ms(494)).await;
        assert!(!changes(&channel, async || drop(waiting)).await);
    }

    #[tokio::test(start_paused = true)]
    async fn service_that_stands_still_gets_a_connection_a_second() {
        let channel = channel();
        let mut seen = channel.subscribe();
        let (mut count, begun) = (0, Instant::now());
        while begun.elapsed() < Duration::from_secs(10) {
            advance(ms(1)).await;
            ask_in_vain(&channel, ms(499)).await;
            count += usize::from(seen.has_changed().unwrap());
            seen.borrow_and_update();
        }
        assert_eq!(count, 10);
    }

    #[tokio::test(start_paused = true)]
    async fn feed_that_is_back_replaces_a_channel_that_has_not_answered_since() {
        let channel = channel();
        advance(ms(1)).await;
        let lost = Instant::now();
        advance(ms(1)).await;
        assert!(changes(&channel, async || channel.leave(lost)).await);
        advance(ms(1)).await;
        assert!(!changes(&channel, async || channel.leave(lost)).await, "this one began after the loss");
        let lost = Instant::now();
        channel.answered();
        assert!(!changes(&channel, async || channel.leave(lost)).await, "this one answers");
    }

    #[tokio::test(start_paused = true)]
    async fn channel_of_the_callers_own_stays() {
        let channel = QuestionChannel::fixed(Endpoint::from_static("http://127.0.0.1:1").connect_lazy());
        advance(ms(1)).await;
        assert!(!changes(&channel, async || ask_in_vain(&channel, ms(500)).await).await);
    }

    #[test]
    fn question_dropped_without_a_runtime_changes_nothing() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let channel = runtime.block_on(async { channel() });
        let changes = channel.subscribe();
        let begun = Instant::now() + ms(1);
        drop(Waiting { channel: &channel, begun, deadline: begun + ms(400) });
        channel.leave(begun);
        assert!(!changes.has_changed().unwrap());
    }
}
