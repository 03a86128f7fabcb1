//! Metrics of the auth service's parts: passwords, view, feed and keys.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use kit::metrics::{FamilyKind, MetricSource, MetricsPage};

use crate::app::App;

/// Metrics of the parts behind the RPCs.
pub(super) struct AppMetrics {
    app: Arc<App>,
    /// Time for which a key signs; `None` without a rotation by age.
    max_key_age: Option<Duration>,
}

impl AppMetrics {
    pub(super) fn new(app: &Arc<App>, max_key_age: Option<Duration>) -> Self {
        Self { app: Arc::clone(app), max_key_age }
    }

    /// Writes the age of the view, and the numbers of its entries and followers.
    fn write_view(&self, page: &mut MetricsPage<'_>) -> fmt::Result {
        let revoker = &self.app.revoker;
        if let Some(age) = revoker.view.age() {
            let help = "Time since the last complete poll of the log of revocations began";
            page.seconds("gatepost_view_age", help, age.as_secs_f64())?;
        }
        page.gauge("gatepost_view_entries", "Revoked ids in memory", number(revoker.view.entries()))?;
        let subscribers = &revoker.subscribers;
        page.gauge("gatepost_feed_subscribers", "Guards that follow the feed", number(subscribers.count()))?;
        let help = "Guards that follow the feed, by the name of their service key or certificate";
        let mut by_service = page.family(FamilyKind::Gauge, "gatepost_feed_service_subscribers", help)?;
        for (service, count) in subscribers.services() {
            by_service.number(&[("service", service.as_str())], number(count))?;
        }
        let help = "Entries of the log that the slowest guard has not acknowledged";
        let last = revoker.view.read_at(|history, _| history.position());
        let lag = last.map_or(0, |position| subscribers.lag(position.last.revision));
        page.gauge("gatepost_feed_unacknowledged_entries", help, lag)
    }

    /// Writes the times of the signing key. A secret has no age.
    fn write_keys(&self, page: &mut MetricsPage<'_>) -> fmt::Result {
        let (keys, now) = (&self.app.issuing.keys, self.app.clock.now());
        page.gauge("gatepost_signing_keys", "Keys with valid tokens", number(keys.at(now).ids().count()))?;
        let Some(since) = keys.signing_since(now) else { return Ok(()) };
        let age = now - since;
        page.seconds("gatepost_signing_key_age", "Time for which the signing key has signed", age.as_seconds_f64())?;
        let Some(most) = self.max_key_age.and_then(|most| TimeDelta::from_std(most).ok()) else { return Ok(()) };
        let help = "Time until the next signing key is due; negative: overdue";
        page.seconds("gatepost_signing_key_remaining", help, (most - age).as_seconds_f64())
    }
}

impl MetricSource for AppMetrics {
    fn write(&self, page: &mut MetricsPage<'_>) -> fmt::Result {
        let hashes = self.app.attempts.hasher.metrics();
        page.gauge("gatepost_password_hashes_waiting", "Passwords that wait to be hashed", number(hashes.waiting()))?;
        let help = "Passwords that were refused because the queue was full";
        page.counter("gatepost_password_hashes_refused", help, hashes.refused())?;
        let help = "Time that a password waits for a hashing thread";
        page.histogram(FamilyKind::Times, "gatepost_password_hash_wait", help, hashes.waits())?;
        let help = "Time that a hashing thread needs for a password";
        page.histogram(FamilyKind::Times, "gatepost_password_hash_duration", help, hashes.work())?;
        self.write_view(page)?;
        self.write_keys(page)
    }
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
