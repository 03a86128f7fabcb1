//! Counters of the export, which exist even if nothing is exported.

use std::fmt;
use std::sync::Arc;

use crate::metrics::{EventCounter, FamilyKind, MetricSource, MetricsPage};
use crate::trace::SpanQueue;

/// Counters of the export. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct ExportCounters(Arc<ExportCounts>);

#[derive(Debug, Default)]
struct ExportCounts {
    sent: EventCounter,
    lost: EventCounter,
    failed_metrics: EventCounter,
}

impl ExportCounters {
    /// Counts spans that the collector has taken.
    pub(super) fn sent(&self, spans: u64) {
        self.0.sent.add(spans);
    }

    /// Counts spans that were taken from the queue and did not arrive.
    pub(super) fn lost(&self, spans: u64) {
        self.0.lost.add(spans);
    }

    /// Counts metrics that did not arrive.
    pub(super) fn failed_metrics(&self) {
        self.0.failed_metrics.one();
    }

    /// Returns the number of spans that were lost on the way or dropped because the queue was full.
    pub(super) fn dropped(&self, queue: Option<&SpanQueue>) -> u64 {
        self.0.lost.get() + queue.map_or(0, SpanQueue::dropped)
    }
}

/// Source of the counters for the page of metrics.
pub(super) struct ExportMetrics {
    pub(super) counters: ExportCounters,
    pub(super) queue: Option<SpanQueue>,
}

impl MetricSource for ExportMetrics {
    fn write(&self, page: &mut MetricsPage<'_>) -> fmt::Result {
        let help = "Spans that the collector has taken, and spans that were dropped";
        let mut spans = page.family(FamilyKind::Counter, "gatepost_otlp_spans", help)?;
        spans.number(&[("result", "sent")], self.counters.0.sent.get())?;
        spans.number(&[("result", "dropped")], self.counters.dropped(self.queue.as_ref()))?;
        let help = "Exports of metrics that the collector has not taken";
        page.counter("gatepost_otlp_metrics_failed", help, self.counters.0.failed_metrics.get())
    }
}
