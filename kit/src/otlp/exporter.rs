//! Background task that sends spans and metrics to the collector.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use gatepost::log::LogLimit;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::{ResourceMetrics, ScopeMetrics};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans};
use tokio::time::sleep;

use super::CollectorAddress;
use super::collector::{CollectorClient, causes};
use super::counters::{ExportCounters, ExportMetrics};
use super::page::{self, PointTimes};
use super::resource::{resource, scope};
use super::spans::{nanos, span};
use crate::Clock;
use crate::metrics::MetricSource;
use crate::ops::Metrics;
use crate::shutdown::Shutdown;
use crate::trace::{CallTracer, SpanQueue, SpanRecord};

/// Intervals and limits of the export.
#[derive(Clone, Copy, Debug)]
pub struct ExportTimes {
    /// Longest time for which a span waits for its batch.
    pub spans: Duration,
    /// Time between two exports of metrics.
    pub metrics: Duration,
    /// Time for the collector's answer.
    pub answer: Duration,
    /// Pause before a request is sent again.
    pub pause: Duration,
    /// Time for the last exports at the end of the service.
    pub flush: Duration,
}

impl Default for ExportTimes {
    fn default() -> Self {
        Self {
            spans: Duration::from_secs(1),
            metrics: Duration::from_mins(1),
            answer: Duration::from_secs(10),
            pause: Duration::from_secs(1),
            flush: Duration::from_secs(2),
        }
    }
}

/// Telemetry of a service: the tracer of its calls, and the export of spans and metrics.
#[derive(Clone, Debug)]
pub struct ServiceTelemetry {
    clock: Clock,
    target: Option<ExportTarget>,
    counters: ExportCounters,
    times: ExportTimes,
}

/// Collector, with the queue of its spans and the parts that are the same in all exports.
#[derive(Clone, Debug)]
struct ExportTarget {
    address: CollectorAddress,
    queue: SpanQueue,
    resource: Resource,
    /// Start of the counters, in nanoseconds since 1970.
    start: u64,
}

impl ServiceTelemetry {
    /// Creates the telemetry of the service of this name. Without a collector nothing is exported.
    pub fn new(service: &str, collector: Option<CollectorAddress>, clock: Clock) -> Self {
        let (start, queue) = (nanos(clock.now()), SpanQueue::default());
        let target = collector.map(|address| ExportTarget { address, queue, resource: resource(service), start });
        Self { clock, target, counters: ExportCounters::default(), times: ExportTimes::default() }
    }

    /// Sets the intervals and limits.
    #[must_use]
    pub fn with_times(self, times: ExportTimes) -> Self {
        Self { times, ..self }
    }

    /// Returns the tracer of the service's calls.
    pub fn tracer(&self) -> CallTracer {
        CallTracer::new(self.clock.clone(), self.queue().cloned())
    }

    /// Returns the counters of the export.
    pub fn metrics(&self) -> impl MetricSource + use<> {
        ExportMetrics { counters: self.counters.clone(), queue: self.queue().cloned() }
    }

    fn queue(&self) -> Option<&SpanQueue> {
        self.target.as_ref().map(|target| &target.queue)
    }

    /// Exports spans and these metrics until `stop`, then the rest for a short time. Without a collector it only waits.
    ///
    /// A panic ends the export and not the service: the spans are then dropped and counted.
    pub async fn export(self, metrics: Arc<Metrics>, stop: Shutdown) {
        if AssertUnwindSafe(self.run(metrics, stop)).catch_unwind().await.is_err() {
            tracing::error!("the export of telemetry has died: the service goes on without it");
        }
    }

    async fn run(self, metrics: Arc<Metrics>, stop: Shutdown) {
        let Self { clock, target: Some(target), counters, times } = self else { return stop.cancelled().await };
        let channel = match target.address.channel() {
            Ok(channel) => channel,
            Err(error) => {
                tracing::error!(%error, "telemetry cannot be exported: check the collector's address");
                return stop.cancelled().await;
            }
        };
        let client = CollectorClient::new(channel, times.answer, times.pause, stop.clone());
        let exporter = Exporter { clock, target, counters, times, client, stop: stop.clone() };
        let late = async {
            stop.cancelled().await;
            sleep(times.flush).await;
        };
        tokio::select! {
            ((), ()) = async { tokio::join!(exporter.export_spans(), exporter.export_metrics(&metrics)) } => {}
            () = late => tracing::warn!("the collector does not answer: the last spans and metrics are not sent"),
        }
    }
}

/// Exporter with its connection.
struct Exporter {
    clock: Clock,
    target: ExportTarget,
    counters: ExportCounters,
    times: ExportTimes,
    client: CollectorClient,
    stop: Shutdown,
}

impl Exporter {
    /// Sends batches of spans until the service ends, and then the rest.
    async fn export_spans(&self) {
        let (mut outage, mut drops) = (Outage::new("traces"), DroppedSpans::default());
        loop {
            tokio::select! {
                () = self.target.queue.full() => {}
                () = sleep(self.times.spans) => {}
                () = self.stop.cancelled() => {}
            }
            let is_last = self.stop.is_cancelled();
            loop {
                let batch = self.target.queue.take();
                if batch.is_empty() {
                    break;
                }
                self.send_batch(&batch, &mut outage).await;
                drops.note(self.counters.dropped(Some(&self.target.queue)));
            }
            if is_last {
                return;
            }
        }
    }

    async fn send_batch(&self, batch: &[SpanRecord], outage: &mut Outage) {
        let count = u64::try_from(batch.len()).unwrap_or(u64::MAX);
        // These spans count as lost until the collector answers, even if the service ends in the meantime.
        let pending = PendingSpans { counters: &self.counters, count };
        let spans = batch.iter().map(span).collect();
        let scope_spans = vec![ScopeSpans { scope: Some(scope()), spans, ..ScopeSpans::default() }];
        let resource = Some(self.target.resource.clone());
        let resource_spans = vec![ResourceSpans { resource, scope_spans, ..ResourceSpans::default() }];
        let sent = self.client.send_spans(ExportTraceServiceRequest { resource_spans }).await;
        outage.note(&sent);
        if let Ok(rejected) = sent {
            pending.arrived(rejected);
        }
    }

    /// Sends the metrics at each interval and at the end.
    async fn export_metrics(&self, metrics: &Metrics) {
        let mut outage = Outage::new("metrics");
        loop {
            let _: Option<()> = self.stop.run_until_cancelled(sleep(self.times.metrics)).await;
            let is_last = self.stop.is_cancelled();
            let times = PointTimes { start: self.target.start, now: nanos(self.clock.now()) };
            let metrics = page::metrics(&metrics.text(), times);
            let scope_metrics = vec![ScopeMetrics { scope: Some(scope()), metrics, ..ScopeMetrics::default() }];
            let resource = Some(self.target.resource.clone());
            let resource_metrics = vec![ResourceMetrics { resource, scope_metrics, ..ResourceMetrics::default() }];
            let sent = self.client.send_metrics(ExportMetricsServiceRequest { resource_metrics }).await;
            if sent.is_err() {
                self.counters.failed_metrics();
            }
            outage.note(&sent);
            if is_last {
                return;
            }
        }
    }
}

/// Number of dropped spans that the log has shown.
#[derive(Default)]
struct DroppedSpans {
    shown: u64,
    lines: LogLimit,
}

impl DroppedSpans {
    /// Logs new drops, within a limit.
    fn note(&mut self, dropped: u64) {
        if dropped > self.shown && self.lines.allow().is_some() {
            tracing::warn!(count = dropped - self.shown, "spans dropped: the collector does not keep up");
            self.shown = dropped;
        }
    }
}

/// Spans that are on their way. They count as lost when dropped.
struct PendingSpans<'e> {
    counters: &'e ExportCounters,
    count: u64,
}

impl PendingSpans<'_> {
    /// Counts the spans as sent, except the rejected ones.
    fn arrived(mut self, rejected: u64) {
        let sent = self.count.saturating_sub(rejected);
        self.counters.sent(sent);
        self.count -= sent;
    }
}

impl Drop for PendingSpans<'_> {
    fn drop(&mut self) {
        self.counters.lost(self.count);
    }
}

/// State of the export of a signal, logged when it changes.
struct Outage {
    signal: &'static str,
    is_out: bool,
}

impl Outage {
    fn new(signal: &'static str) -> Self {
        Self { signal, is_out: false }
    }

    fn note<T>(&mut self, sent: &Result<T, tonic::Status>) {
        let was_out = std::mem::replace(&mut self.is_out, sent.is_err());
        match sent {
            Err(status) if !was_out => {
                let (code, cause) = (status.code(), causes(status));
                tracing::warn!(signal = self.signal, ?code, cause, "the collector accepts no telemetry");
            }
            Ok(_) if was_out => tracing::info!(signal = self.signal, "the collector accepts telemetry again"),
            _ => {}
        }
    }
}
