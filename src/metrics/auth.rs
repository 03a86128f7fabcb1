//! Counters of requests to the auth service and of its feed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::counter::{Counter, Gauge};
use super::distribution::{Distribution, Histogram};
use super::facade;

/// A handle to the counters of one [`AuthService`](crate::AuthService), shared by all clones.
#[derive(Clone, Debug, Default)]
pub struct AuthMetrics(Arc<AuthCounters>);

/// The live counters.
#[derive(Debug)]
pub(crate) struct AuthCounters {
    pub(crate) hits: Counter,
    pub(crate) misses: Counter,
    pub(crate) joined: Counter,
    pub(crate) given_up: Counter,
    pub(crate) evidence_age: Histogram<6>,
    pub(crate) renewals: Counter,
    pub(crate) resets: Counter,
    pub(crate) gaps: Counter,
    pub(crate) lag: Histogram<10>,
    pub(crate) failovers: Counter,
    pub(crate) endpoints: Gauge,
    pub(crate) endpoints_down: Gauge,
    is_fed: AtomicBool,
    feed_up: facade::RecordedGauge,
}

/// Counts of requests and of the feed since the start.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuthCounts {
    /// Verifications by a cached introspection, rejections included. Each new call counts. In an open call, each later
    /// message counts, and each 250 ms without one.
    pub hits: u64,
    /// Verifications without a usable cached introspection.
    pub misses: u64,
    /// Misses that joined another caller's request.
    pub joined: u64,
    /// Misses that were refused without a request, because the token's form proves it invalid.
    pub given_up: u64,
    /// Age of the evidence of valid tokens at each verification: at most 1 s. Introspections without a log position
    /// are not counted.
    pub evidence_age: Distribution,
    /// True while the revocation stream is connected.
    pub is_fed: bool,
    /// Renewals that the auth service has answered.
    pub renewals: u64,
    /// Starts of the feed without earlier state, the first one included. All introspections from before stop counting.
    pub resets: u64,
    /// Messages of the feed that were out of order or malformed. A reset follows each.
    pub gaps: u64,
    /// Time from the write of a revocation, just before its commit, until the guard knows it. It compares the times of
    /// day of two machines; a negative difference counts as zero. Revocations that arrive after an outage are as old as
    /// the outage.
    pub lag: Distribution,
    /// Requests that went to another endpoint, because the first one failed or was silent.
    pub failovers: u64,
    /// Endpoints of the auth service now: the addresses of all host names, and the others.
    pub endpoints: u64,
    /// Endpoints that failed and have not answered since.
    pub endpoints_down: u64,
}

impl AuthMetrics {
    /// Returns the counts until now.
    pub fn read(&self) -> AuthCounts {
        let counters = self.counters();
        AuthCounts {
            hits: counters.hits.get(),
            misses: counters.misses.get(),
            joined: counters.joined.get(),
            given_up: counters.given_up.get(),
            evidence_age: counters.evidence_age.read(),
            is_fed: counters.is_fed.load(Ordering::Relaxed),
            renewals: counters.renewals.get(),
            resets: counters.resets.get(),
            gaps: counters.gaps.get(),
            lag: counters.lag.read(),
            failovers: counters.failovers.get(),
            endpoints: counters.endpoints.get(),
            endpoints_down: counters.endpoints_down.get(),
        }
    }

    pub(crate) fn counters(&self) -> &AuthCounters {
        &self.0
    }
}

impl AuthCounters {
    /// Sets the state of the stream.
    pub(crate) fn fed(&self, is_fed: bool) {
        self.is_fed.store(is_fed, Ordering::Relaxed);
        self.feed_up.set(u64::from(is_fed));
    }
}

impl Default for AuthCounters {
    fn default() -> Self {
        let verdicts = |result| {
            let help = "Verifications with a usable cached introspection, and without one";
            Counter::named("gatepost_guard_verdicts_total", &[("result", result)], help)
        };
        let counter = |name, help| Counter::named(name, &[], help);
        Self {
            hits: verdicts("hit"),
            misses: verdicts("miss"),
            joined: counter("gatepost_guard_flights_joined_total", "Misses that joined another caller's request"),
            given_up: counter("gatepost_guard_given_up_total", "Misses refused by the token's form, without a request"),
            evidence_age: Histogram::named(
                "gatepost_guard_evidence_age_seconds",
                "Age of the evidence of valid tokens at each verification",
                [50, 100, 250, 500, 750, 1000],
            ),
            renewals: counter("gatepost_feed_renewals_total", "Renewals that the auth service has answered"),
            resets: counter("gatepost_feed_resets_total", "Starts of the feed without earlier state"),
            gaps: counter("gatepost_feed_gaps_total", "Messages of the feed that were out of order or malformed"),
            lag: Histogram::named(
                "gatepost_feed_lag_seconds",
                "Time from the write of a revocation until the guard knows it",
                [5, 10, 25, 50, 100, 250, 500, 1000, 2000, 10_000],
            ),
            failovers: counter("gatepost_guard_failovers_total", "Requests that went to another endpoint"),
            endpoints: Gauge::named("gatepost_guard_endpoints", "Endpoints of the auth service"),
            endpoints_down: Gauge::named(
                "gatepost_guard_endpoints_down",
                "Endpoints that failed and have not answered",
            ),
            is_fed: AtomicBool::new(false),
            feed_up: facade::gauge("gatepost_feed_up", "1 while the revocation stream is connected"),
        }
    }
}
