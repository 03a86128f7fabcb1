//! The channel for requests to the auth service, replaced when it falls silent.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::Instant;
use tonic::transport::Channel;

use crate::dial::Dialer;

/// Minimum wait before a timeout counts as silence, as a part of the request's time limit.
const SILENCE_SHARE: f64 = 0.8;

/// Tolerance of timers: a request that ends this shortly before its deadline has timed out.
const TIMER_TOLERANCE: Duration = Duration::from_millis(5);

/// Minimum time between two replacements after a timeout. It prevents a storm of connections to a stopped auth service.
const MIN_REPLACEMENT_INTERVAL: Duration = Duration::from_secs(1);

/// A channel to the auth service, shared by all requests and replaced when it falls silent.
///
/// A replica that vanishes without a reset leaves a connection that looks alive for the 15 s of the keep-alive. So the
/// channel is replaced
///
/// - when a request times out and no request was answered since its start, at most once per second;
/// - when the feed is back after a loss and no request was answered since the loss.
///
/// Running requests are then sent again on the new channel, within their own time limits.
#[derive(Clone)]
pub(in crate::guard) struct ReplaceableChannel(Arc<ChannelState>);

struct ChannelState {
    /// The way to connect; `None` for a channel from the caller, which is never replaced.
    dialer: Option<Dialer>,
    /// Minimum wait before a timeout counts as silence.
    silence: Duration,
    current: watch::Sender<Channel>,
    health: Mutex<ChannelHealth>,
}

/// The signs of life of the current channel.
struct ChannelHealth {
    /// Time of the last answer, or of the channel's start.
    heard: Instant,
    /// Time of the last replacement.
    changed: Option<Instant>,
    /// Set once a replacement is logged, cleared by the next answer.
    is_logged: bool,
}

/// A request that waits for its answer. Dropped at its deadline, it reports silence.
pub(in crate::guard) struct PendingRequest<'a> {
    channel: &'a ReplaceableChannel,
    begun: Instant,
    deadline: Instant,
}

impl ReplaceableChannel {
    /// Creates a channel to this endpoint, which connects at the first request. A request lasts at most `limit`.
    ///
    /// # Panics
    /// Panics outside a Tokio runtime.
    pub(in crate::guard) fn from_endpoint(dialer: impl Into<Dialer>, limit: Duration) -> Self {
        let dialer = dialer.into();
        let channel = dialer.connect_lazy();
        Self::new(Some(dialer), channel, limit)
    }

    /// Wraps a channel from the caller, which is never replaced.
    pub(in crate::guard) fn from_channel(channel: Channel) -> Self {
        Self::new(None, channel, Duration::MAX / 2)
    }

    fn new(dialer: Option<Dialer>, channel: Channel, limit: Duration) -> Self {
        let silence = limit.mul_f64(SILENCE_SHARE);
        let health = Mutex::new(ChannelHealth { heard: Instant::now(), changed: None, is_logged: false });
        Self(Arc::new(ChannelState { dialer, silence, current: watch::Sender::new(channel), health }))
    }

    /// Returns the current channel and its later replacements.
    pub(in crate::guard) fn subscribe(&self) -> watch::Receiver<Channel> {
        self.0.current.subscribe()
    }

    /// Starts to wait for an answer.
    pub(in crate::guard) fn start_request(&self, deadline: Instant) -> PendingRequest<'_> {
        PendingRequest { channel: self, begun: Instant::now(), deadline }
    }

    /// Records an answer of the auth service: an introspection or an error.
    pub(in crate::guard) fn record_answer(&self) {
        self.with_health(|health| (health.heard, health.is_logged) = (Instant::now(), false));
    }

    /// Replaces the channel unless it has answered since.
    pub(in crate::guard) fn replace_if_silent_since(&self, since: Instant) {
        self.with_health(|health| self.replace(health, since));
    }

    /// Returns true if nothing was answered since.
    pub(in crate::guard) fn is_silent_since(&self, since: Instant) -> bool {
        self.with_health(|health| health.heard < since)
    }

    /// Records the timeout of a request that started at this time.
    pub(super) fn record_timeout(&self, begun: Instant) {
        self.with_health(|health| {
            let is_due = health.changed.is_none_or(|changed| changed.elapsed() >= MIN_REPLACEMENT_INTERVAL);
            if is_due {
                self.replace(health, begun);
            }
        });
    }

    fn replace(&self, health: &mut ChannelHealth, since: Instant) {
        let Some(dialer) = self.0.dialer.as_ref().filter(|_| health.heard < since) else { return };
        // No channel can start here: the request was dropped with its runtime.
        if Handle::try_current().is_err() {
            return;
        }
        let now = Instant::now();
        (health.heard, health.changed) = (now, Some(now));
        self.0.current.send_replace(dialer.connect_lazy());
        if !std::mem::replace(&mut health.is_logged, true) {
            tracing::info!("auth service silent: requests use a new connection");
        }
    }

    fn with_health<T>(&self, change: impl FnOnce(&mut ChannelHealth) -> T) -> T {
        change(&mut self.0.health.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for PendingRequest<'_> {
    fn drop(&mut self) {
        let is_out_of_time = Instant::now() + TIMER_TOLERANCE >= self.deadline;
        if is_out_of_time && self.deadline.saturating_duration_since(self.begun) >= self.channel.0.silence {
            // Has no effect after an answer.
            self.channel.record_timeout(self.begun);
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;
    use tonic::transport::Endpoint;

    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn channel() -> ReplaceableChannel {
        ReplaceableChannel::from_endpoint(Endpoint::from_static("http://127.0.0.1:1"), ms(500))
    }

    /// Returns true if the channel was replaced during `run`.
    async fn changes(channel: &ReplaceableChannel, run: impl AsyncFnOnce()) -> bool {
        let changes = channel.subscribe();
        run().await;
        changes.has_changed().unwrap()
    }

    /// Sends a request with this time limit that gets no answer.
    async fn ask_in_vain(channel: &ReplaceableChannel, limit: Duration) {
        let pending = channel.start_request(Instant::now() + limit);
        advance(limit).await;
        drop(pending);
    }

    #[tokio::test(start_paused = true)]
    async fn timeout_replaces_the_channel() {
        let channel = channel();
        advance(ms(1)).await;
        assert!(changes(&channel, async || ask_in_vain(&channel, ms(500)).await).await);
    }

    #[tokio::test(start_paused = true)]
    async fn channel_that_answers_another_request_stays() {
        let channel = channel();
        let pending = channel.start_request(Instant::now() + ms(500));
        advance(ms(1)).await;
        channel.record_answer();
        advance(ms(499)).await;
        assert!(!changes(&channel, async || drop(pending)).await);
    }

    #[tokio::test(start_paused = true)]
    async fn short_limits_and_cancellations_keep_the_channel() {
        let channel = channel();
        advance(ms(1)).await;
        assert!(!changes(&channel, async || ask_in_vain(&channel, ms(399)).await).await);
        let pending = channel.start_request(Instant::now() + ms(500));
        advance(ms(494)).await;
        assert!(!changes(&channel, async || drop(pending)).await);
    }

    #[tokio::test(start_paused = true)]
    async fn stopped_service_gets_one_connection_a_second() {
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
    async fn restored_feed_replaces_a_silent_channel() {
        let channel = channel();
        advance(ms(1)).await;
        let lost = Instant::now();
        advance(ms(1)).await;
        assert!(changes(&channel, async || channel.replace_if_silent_since(lost)).await);
        advance(ms(1)).await;
        assert!(
            !changes(&channel, async || channel.replace_if_silent_since(lost)).await,
            "the new channel started after the loss"
        );
        let lost = Instant::now();
        channel.record_answer();
        assert!(!changes(&channel, async || channel.replace_if_silent_since(lost)).await, "the channel answers");
    }

    #[tokio::test(start_paused = true)]
    async fn channel_from_the_caller_stays() {
        let channel = ReplaceableChannel::from_channel(Endpoint::from_static("http://127.0.0.1:1").connect_lazy());
        advance(ms(1)).await;
        assert!(!changes(&channel, async || ask_in_vain(&channel, ms(500)).await).await);
    }

    #[test]
    fn request_dropped_without_runtime_keeps_the_channel() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let channel = runtime.block_on(async { channel() });
        let changes = channel.subscribe();
        let begun = Instant::now() + ms(1);
        drop(PendingRequest { channel: &channel, begun, deadline: begun + ms(400) });
        channel.replace_if_silent_since(begun);
        assert!(!changes.has_changed().unwrap());
    }
}
