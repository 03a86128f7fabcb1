//! Metrics of a service in the format of Prometheus.

use std::fmt;
use std::sync::Arc;

use gatepost::metrics::{AuthMetrics, Distribution, GuardMetrics};
use gatepost::{Rejection, status};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use super::{Endpoint, EndpointResponse};
use crate::metrics::{BuildInfo, MetricSource, MetricsPage, ProcessMetrics};
use crate::tls::Certificates;
use crate::{Clock, output};

/// Metrics of a service. No label holds a user, an address or any other value that callers choose.
#[derive(Debug)]
pub struct Metrics(Registry);

impl Default for Metrics {
    /// Counts the log lines of this process that were dropped.
    fn default() -> Self {
        let mut metrics = Self(Registry::default());
        let help = "Log lines that were dropped: the queue was full, or the write failed";
        metrics.count("gatepost_log_dropped", help, output::dropped_log_lines);
        metrics
    }
}

impl Metrics {
    /// Adds the decisions of a guard.
    pub fn count_decisions(&mut self, metrics: GuardMetrics) {
        self.0.register_collector(Box::new(DecisionCollector(metrics)));
    }

    /// Adds the verifications of a guard and the state of its feed.
    pub fn count_verifications(&mut self, metrics: AuthMetrics) {
        self.0.register_collector(Box::new(VerificationCollector(metrics)));
    }

    /// Adds the metrics of a part of the service.
    pub fn add(&mut self, source: impl MetricSource) {
        self.0.register_collector(Box::new(SourceCollector(Box::new(source))));
    }

    /// Adds the metrics of the process and its build.
    pub fn add_process(&mut self) {
        self.add(ProcessMetrics::default());
        self.add(BuildInfo);
    }

    /// Adds a counter with the value that `read` returns. The encoder appends `_total` to the name.
    pub fn count(&mut self, name: &'static str, help: &'static str, read: impl Fn() -> u64 + Send + Sync + 'static) {
        self.0.register_collector(Box::new(CounterCollector { name, help, read: Box::new(read) }));
    }

    /// Adds the offset of this clock from its reference.
    pub fn show_clock(&mut self, clock: Clock) {
        self.0.register_collector(Box::new(ClockCollector(clock)));
    }

    /// Returns the page with the current values.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // A write to a string cannot fail.
        let _ = encode(&mut text, &self.0);
        text
    }

    /// Adds the days until these certificates expire, and the failed handshakes.
    pub fn show_certificates(&mut self, certificates: Certificates) {
        self.0.register_collector(Box::new(CertificateCollector(certificates)));
    }

    /// Returns the endpoint `/metrics`.
    pub fn endpoint(self: &Arc<Self>) -> Endpoint {
        let metrics = Arc::clone(self);
        Endpoint::new("/metrics", move |_| EndpointResponse::metrics(metrics.text()))
    }
}

/// Part of the service that writes its own metrics.
struct SourceCollector(Box<dyn MetricSource>);

impl fmt::Debug for SourceCollector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SourceCollector").finish_non_exhaustive()
    }
}

impl Collector for SourceCollector {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        self.0.write(&mut MetricsPage::new(encoder))
    }
}

/// Counter that reads its value from the owner at each scrape.
struct CounterCollector {
    name: &'static str,
    help: &'static str,
    read: Box<dyn Fn() -> u64 + Send + Sync>,
}

impl fmt::Debug for CounterCollector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("CounterCollector").field(&self.name).finish()
    }
}

impl Collector for CounterCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut one = family(&mut encoder, self.name, self.help)?;
        one.encode_counter::<NoLabelSet, _, f64>(&(self.read)(), None)
    }
}

#[derive(Debug)]
struct ClockCollector(Clock);

impl Collector for ClockCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let help = "Lead of the clock over the database server's clock, or over the boot clock; negative: behind";
        let unit = Some(&Unit::Seconds);
        let mut offset = encoder.encode_descriptor("gatepost_clock_offset", help, unit, MetricType::Gauge)?;
        offset.encode_gauge(&(self.0.offset().as_seconds_f64()))
    }
}

#[derive(Debug)]
struct CertificateCollector(Certificates);

impl Collector for CertificateCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let days = self.0.days_left();
        if !days.is_empty() {
            let (name, help) = ("gatepost_tls_certificate_days_left", "Whole days until the TLS certificate expires");
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for (role, days) in days {
                family.encode_family(&[("certificate", role.name())])?.encode_gauge(&days)?;
            }
        }
        let Some(failed) = self.0.failed_handshakes() else { return Ok(()) };
        let help = "TLS handshakes that failed, without those of clients that sent nothing";
        let mut one = family(&mut encoder, "gatepost_tls_handshakes_failed", help)?;
        one.encode_counter::<NoLabelSet, _, f64>(&failed, None)
    }
}

#[derive(Debug)]
struct DecisionCollector(GuardMetrics);

impl Collector for DecisionCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let counts = self.0.read();
        let mut all = family(&mut encoder, "gatepost_guard_decisions", "Calls that the guard admitted or refused")?;
        count(&mut all, &[("result", "allow"), ("reason", "")], counts.allowed)?;
        for denied in counts.denied {
            count(&mut all, &[("result", "deny"), ("reason", reason(denied.rejection))], denied.count)?;
        }
        let help = "Open calls that the guard ended";
        let mut all = family(&mut encoder, "gatepost_guard_ended", help)?;
        for ended in counts.ended {
            count(&mut all, &[("reason", reason(ended.rejection))], ended.count)?;
        }
        Ok(())
    }
}

#[derive(Debug)]
struct VerificationCollector(AuthMetrics);

impl Collector for VerificationCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let counts = self.0.read();
        let help = "Verifications with a usable cached introspection, and without one";
        let mut all = family(&mut encoder, "gatepost_guard_verdicts", help)?;
        count(&mut all, &[("result", "hit")], counts.hits)?;
        count(&mut all, &[("result", "miss")], counts.misses)?;
        for (name, help, number) in [
            ("gatepost_guard_flights_joined", "Misses that joined another caller's request", counts.joined),
            ("gatepost_guard_given_up", "Misses refused by the token's form, without a request", counts.given_up),
            ("gatepost_feed_renewals", "Renewals that the auth service has answered", counts.renewals),
            ("gatepost_feed_resets", "Starts of the feed without earlier state", counts.resets),
            ("gatepost_feed_gaps", "Messages of the feed that were out of order or malformed", counts.gaps),
            ("gatepost_guard_failovers", "Requests that went to another endpoint", counts.failovers),
        ] {
            let mut one = family(&mut encoder, name, help)?;
            one.encode_counter::<NoLabelSet, _, f64>(&number, None)?;
        }
        let help = "1 while the revocation stream is connected";
        let mut up = encoder.encode_descriptor("gatepost_feed_up", help, None, MetricType::Gauge)?;
        up.encode_gauge(&i64::from(counts.is_fed))?;
        for (name, help, number) in [
            ("gatepost_guard_endpoints", "Endpoints of the auth service", counts.endpoints),
            ("gatepost_guard_endpoints_down", "Endpoints that failed and have not answered", counts.endpoints_down),
        ] {
            let mut one = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            one.encode_gauge(&i64::try_from(number).unwrap_or(i64::MAX))?;
        }
        let help = "Age of the evidence of valid tokens at each verification";
        seconds(&mut encoder, "gatepost_guard_evidence_age", help, &counts.evidence_age)?;
        let help = "Time from the write of a revocation until the guard knows it";
        seconds(&mut encoder, "gatepost_feed_lag", help, &counts.lag)
    }
}

/// Starts a family of counters; the encoder appends `_total` to the name.
fn family<'e>(
    encoder: &'e mut DescriptorEncoder<'_>,
    name: &'e str,
    help: &str,
) -> Result<MetricEncoder<'e>, fmt::Error> {
    encoder.encode_descriptor(name, help, None, MetricType::Counter)
}

fn count<const N: usize>(family: &mut MetricEncoder<'_>, labels: &[(&str, &str); N], number: u64) -> fmt::Result
where
    for<'l> [(&'l str, &'l str); N]: EncodeLabelSet,
{
    family.encode_family(labels)?.encode_counter::<NoLabelSet, _, f64>(&number, None)
}

/// Encodes a histogram of times; the encoder appends the unit to the name.
fn seconds(encoder: &mut DescriptorEncoder<'_>, name: &str, help: &str, times: &Distribution) -> fmt::Result {
    let mut histogram = encoder.encode_descriptor(name, help, Some(&Unit::Seconds), MetricType::Histogram)?;
    let bounds = times.buckets.iter().map(|bucket| (bucket.bound.as_secs_f64(), bucket.count));
    let buckets: Vec<_> = bounds.chain([(f64::INFINITY, times.above)]).collect();
    histogram.encode_histogram::<NoLabelSet>(times.sum.as_secs_f64(), times.count(), &buckets, None)
}

/// Returns the reason that the caller sees.
fn reason(rejection: Rejection) -> &'static str {
    status::reason_name(rejection.reason())
}
