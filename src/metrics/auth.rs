//! What is counted of the questions to the auth service, and of its feed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::counter::Counter;
use super::distribution::{Distribution, Histogram};
use super::facade;

/// Counts for one [`AuthService`](crate::AuthService); clones are the same.
#[derive(Clone, Debug, Default)]
pub struct AuthMetrics(Arc<Counters>);

/// What is counted where it happens.
#[derive(Debug)]
pub(crate) struct Counters {
    pub(crate) hits: Counter,
    pub(crate) misses: Counter,
    pub(crate) joined: Counter,
    pub(crate) given_up: Counter,
    pub(crate) evidence_age: Histogram<6>,
    pub(crate) renewals: Counter,
    pub(crate) resets: Counter,
    pub(crate) gaps: Counter,
    pub(crate) lag: Histogram<10>,
    is_fed: AtomicBool,
    feed_up: facade::Gauge,
}

/// What has become of the questions, and what the feed has brought, since the start.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuthCounts {
    /// Judgements by a verdict that was kept, refusals included. A call that begins is one, and so is each message of an
    /// open call that is not there at once, but for the first, and each quarter of a second without one.
    pub hits: u64,
    /// Judgements for which no verdict was kept that could be used.
    pub misses: u64,
    /// Of the misses, those that joined another caller's question in place of one of their own.
    pub joined: u64,
    /// Misses that were refused without a question, since the token's form shows that it is garbage.
    pub given_up: u64,
    /// How old the evidence was by which tokens were found good, at each judgement: a second at the most. What the auth
    /// service says without its place in the log is evidence of its moment alone, and not counted.
    pub evidence_age: Distribution,
    /// Whether there is a stream of revocations now.
    pub is_fed: bool,
    /// Renewals that have been answered.
    pub renewals: u64,
    /// How often the feed has begun anew, its first beginning included: what was known before counts no more.
    pub resets: u64,
    /// How often the feed has said something that was not the next thing, or that makes no sense. Each is followed by a
    /// reset.
    pub gaps: u64,
    /// How long it took from when a revocation was written, a moment before its commit, until the guard knew it. By the
    /// time of day on two machines, so no more exact than they agree; where the other one is ahead it counts as nothing.
    /// What a guard is told when its stream goes on after an outage is as old as the outage.
    pub lag: Distribution,
}

impl AuthMetrics {
    /// The numbers until now.
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
        }
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.0
    }
}

impl Counters {
    /// Whether there is a stream from now on.
    pub(crate) fn fed(&self, is_fed: bool) {
        self.is_fed.store(is_fed, Ordering::Relaxed);
        self.feed_up.set(is_fed);
    }
}

impl Default for Counters {
    fn default() -> Self {
        let verdicts = |result| {
            let help = "Judgements by a verdict that was kept, and those for which there was none";
            Counter::named("gatepost_guard_verdicts_total", &[("result", result)], help)
        };
        let counter = |name, help| Counter::named(name, &[], help);
        Self {
            hits: verdicts("hit"),
            misses: verdicts("miss"),
            joined: counter("gatepost_guard_flights_joined_total", "Misses that shared another caller's question"),
            given_up: counter("gatepost_guard_given_up_total", "Misses that were refused by the token's form alone"),
            evidence_age: Histogram::named(
                "gatepost_guard_evidence_age_seconds",
                "Age of the evidence by which tokens were found good",
                [50, 100, 250, 500, 750, 1000],
            ),
            renewals: counter("gatepost_feed_renewals_total", "Renewals that the auth service has answered"),
            resets: counter("gatepost_feed_resets_total", "Beginnings of the feed: what was known counts no more"),
            gaps: counter("gatepost_feed_gaps_total", "Times that the feed said what was not the next thing"),
            lag: Histogram::named(
                "gatepost_feed_lag_seconds",
                "Time from when a revocation was written until the guard knew it",
                [5, 10, 25, 50, 100, 250, 500, 1000, 2000, 10_000],
            ),
            is_fed: AtomicBool::new(false),
            feed_up: facade::Gauge::new("gatepost_feed_up", "1 while there is a stream of revocations"),
        }
    }
}
