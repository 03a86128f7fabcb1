//! Page of metrics in the text format of `OpenMetrics`.

use std::fmt;
use std::time::Duration;

use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

use super::instruments::BucketHistogram;

static SECONDS: Unit = Unit::Seconds;
static BYTES: Unit = Unit::Bytes;

/// Name and value of a label. No caller may choose the value.
pub type Label<'l> = (&'static str, &'l str);

/// Part of a service that has metrics.
pub trait MetricSource: Send + Sync + 'static {
    /// Writes the current values.
    ///
    /// # Errors
    /// Fails if the page cannot be written.
    fn write(&self, page: &mut MetricsPage<'_>) -> fmt::Result;
}

/// Kind of a family of metrics. The page appends its unit to the name, and `_total` to the name of a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FamilyKind {
    /// Counter of events.
    Counter,
    /// Number of things at the moment.
    Gauge,
    /// Bytes at the moment.
    Bytes,
    /// Seconds at the moment.
    Seconds,
    /// Histogram of times.
    Times,
    /// Histogram of numbers.
    Sizes,
}

impl FamilyKind {
    fn metric_type(self) -> MetricType {
        match self {
            Self::Counter => MetricType::Counter,
            Self::Gauge | Self::Bytes | Self::Seconds => MetricType::Gauge,
            Self::Times | Self::Sizes => MetricType::Histogram,
        }
    }

    fn unit(self) -> Option<&'static Unit> {
        match self {
            Self::Bytes => Some(&BYTES),
            Self::Seconds | Self::Times => Some(&SECONDS),
            Self::Counter | Self::Gauge | Self::Sizes => None,
        }
    }
}

/// Page that is being written.
pub struct MetricsPage<'p>(DescriptorEncoder<'p>);

impl<'p> MetricsPage<'p> {
    pub(crate) fn new(encoder: DescriptorEncoder<'p>) -> Self {
        Self(encoder)
    }

    /// Starts a family, whose samples differ in their labels.
    ///
    /// # Errors
    /// Fails if the page cannot be written.
    pub fn family<'f>(&'f mut self, kind: FamilyKind, name: &'f str, help: &str) -> Result<Samples<'f>, fmt::Error> {
        Ok(Samples { kind, encoder: self.0.encode_descriptor(name, help, kind.unit(), kind.metric_type())? })
    }

    /// Writes a counter without labels.
    ///
    /// # Errors
    /// Fails if the page cannot be written.
    pub fn counter(&mut self, name: &str, help: &str, count: u64) -> fmt::Result {
        self.family(FamilyKind::Counter, name, help)?.number(&[], count)
    }

    /// Writes a number of things without labels.
    ///
    /// # Errors
    /// Fails if the page cannot be written.
    pub fn gauge(&mut self, name: &str, help: &str, number: u64) -> fmt::Result {
        self.family(FamilyKind::Gauge, name, help)?.number(&[], number)
    }

    /// Writes a time in seconds without labels; it may be negative.
    ///
    /// # Errors
    /// Fails if the page cannot be written.
    pub fn seconds(&mut self, name: &str, help: &str, seconds: f64) -> fmt::Result {
        self.family(FamilyKind::Seconds, name, help)?.seconds(&[], seconds)
    }

    /// Writes a histogram without labels.
    ///
    /// # Errors
    /// Fails if the page cannot be written.
    pub fn histogram(&mut self, kind: FamilyKind, name: &str, help: &str, values: &BucketHistogram) -> fmt::Result {
        self.family(kind, name, help)?.histogram(&[], values)
    }

    /// Writes facts about the process; the page appends `_info` to the name.
    pub(super) fn info(&mut self, name: &str, help: &str, facts: &[Label<'_>]) -> fmt::Result {
        self.0.encode_descriptor(name, help, None, MetricType::Info)?.encode_info(&facts)
    }

    /// Writes a counter of seconds; the page appends `_seconds_total` to the name.
    pub(super) fn seconds_counter(&mut self, name: &str, help: &str, seconds: f64) -> fmt::Result {
        let mut counter = self.0.encode_descriptor(name, help, Some(&SECONDS), MetricType::Counter)?;
        counter.encode_counter::<NoLabelSet, _, f64>(&seconds, None)
    }
}

/// Samples of a family.
pub struct Samples<'f> {
    kind: FamilyKind,
    encoder: MetricEncoder<'f>,
}

impl Samples<'_> {
    /// Writes a number of events, things or bytes.
    ///
    /// # Errors
    /// Fails if the page cannot be written.
    pub fn number(&mut self, labels: &[Label<'_>], number: u64) -> fmt::Result {
        let kind = self.kind;
        self.sample(labels, |sample| match kind {
            FamilyKind::Counter => sample.encode_counter::<NoLabelSet, _, f64>(&number, None),
            _ => sample.encode_gauge(&i64::try_from(number).unwrap_or(i64::MAX)),
        })
    }

    /// Writes a time.
    ///
    /// # Errors
    /// Fails if the page cannot be written.
    pub fn seconds(&mut self, labels: &[Label<'_>], seconds: f64) -> fmt::Result {
        self.sample(labels, |sample| sample.encode_gauge(&seconds))
    }

    /// Writes a histogram.
    ///
    /// # Errors
    /// Fails if the page cannot be written.
    pub fn histogram(&mut self, labels: &[Label<'_>], values: &BucketHistogram) -> fmt::Result {
        let (kind, counts) = (self.kind, values.read());
        let scaled =
            |value| if kind == FamilyKind::Times { Duration::from_micros(value).as_secs_f64() } else { real(value) };
        let buckets = counts.buckets.iter().map(|bucket| (scaled(bucket.bound), bucket.count));
        let buckets: Vec<_> = buckets.chain([(f64::INFINITY, counts.above)]).collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        self.sample(labels, |sample| sample.encode_histogram::<NoLabelSet>(scaled(counts.sum), count, &buckets, None))
    }

    fn sample(
        &mut self,
        labels: &[Label<'_>],
        write: impl FnOnce(&mut MetricEncoder<'_>) -> fmt::Result,
    ) -> fmt::Result {
        // An empty set of labels would be written as `{}`.
        if labels.is_empty() { write(&mut self.encoder) } else { write(&mut self.encoder.encode_family(&labels)?) }
    }
}

#[expect(clippy::cast_precision_loss, reason = "sums of numbers stay far below 2^53")]
fn real(value: u64) -> f64 {
    value as f64
}
