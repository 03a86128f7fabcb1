//! Translates the page of metrics into OTLP, so that the code counts each value only once.

use std::borrow::Cow;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, Sum,
};

use super::resource::text_value;

/// Label of a histogram's bucket: its largest value.
const BOUND: &str = "le";

/// Units of the page.
const UNITS: [PageUnit; 2] = [PageUnit { name: "seconds", symbol: "s" }, PageUnit { name: "bytes", symbol: "By" }];

/// Unit of `OpenMetrics`, and its symbol in OTLP (UCUM).
struct PageUnit {
    name: &'static str,
    symbol: &'static str,
}

/// Times of all points of a page, in nanoseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub(super) struct PointTimes {
    /// Start of the counters.
    pub(super) start: u64,
    pub(super) now: u64,
}

/// Family of the page.
#[derive(Default)]
struct PageFamily<'p> {
    name: &'p str,
    help: &'p str,
    kind: &'p str,
    unit: &'p str,
    samples: Vec<PageSample<'p>>,
}

/// Line of the page.
struct PageSample<'p> {
    /// Name of the family with a suffix such as `_total`.
    name: &'p str,
    labels: Vec<PageLabel<'p>>,
    value: &'p str,
}

#[derive(Clone, PartialEq)]
struct PageLabel<'p> {
    name: &'p str,
    value: Cow<'p, str>,
}

/// Translates a page in the format of `OpenMetrics`. Skips lines of any other form.
pub(super) fn metrics(page: &str, times: PointTimes) -> Vec<Metric> {
    let mut families: Vec<PageFamily<'_>> = Vec::new();
    for line in page.lines() {
        let Some(comment) = line.strip_prefix("# ") else {
            if let (Some(family), Some(sample)) = (families.last_mut(), PageSample::parse(line)) {
                family.samples.push(sample);
            }
            continue;
        };
        let mut words = comment.splitn(3, ' ');
        let (Some(word), Some(name), text) = (words.next(), words.next(), words.next().unwrap_or_default()) else {
            continue;
        };
        if families.last().is_none_or(|family| family.name != name) {
            families.push(PageFamily { name, ..PageFamily::default() });
        }
        let Some(family) = families.last_mut() else { continue };
        match word {
            "HELP" => family.help = text,
            "TYPE" => family.kind = text,
            "UNIT" => family.unit = text,
            _ => {}
        }
    }
    families.into_iter().filter(|family| !family.samples.is_empty()).map(|family| family.translate(times)).collect()
}

impl PageFamily<'_> {
    /// Translates the family. Its name loses the unit: collectors append it again for Prometheus.
    fn translate(self, times: PointTimes) -> Metric {
        let unit = UNITS.iter().find(|unit| unit.name == self.unit);
        let bare = unit.and_then(|unit| self.name.strip_suffix(unit.name)?.strip_suffix('_')).unwrap_or(self.name);
        let suffix = if self.kind == "info" { "_info" } else { "" };
        let data = match self.kind {
            "counter" => Data::Sum(Sum {
                data_points: self.points(times),
                aggregation_temporality: AggregationTemporality::Cumulative.into(),
                is_monotonic: true,
            }),
            "histogram" => Data::Histogram(Histogram {
                data_points: self.histograms(times),
                aggregation_temporality: AggregationTemporality::Cumulative.into(),
            }),
            _ => Data::Gauge(Gauge { data_points: self.points(PointTimes { start: 0, ..times }) }),
        };
        Metric {
            name: format!("{bare}{suffix}"),
            description: self.help.to_owned(),
            unit: unit.map(|unit| unit.symbol.to_owned()).unwrap_or_default(),
            metadata: Vec::new(),
            data: Some(data),
        }
    }

    fn points(&self, times: PointTimes) -> Vec<NumberDataPoint> {
        let points = self.samples.iter().filter_map(|sample| {
            let whole = sample.value.parse().map(Value::AsInt).ok();
            let value = whole.or_else(|| sample.value.parse().map(Value::AsDouble).ok())?;
            Some(NumberDataPoint {
                attributes: attributes(&sample.labels),
                start_time_unix_nano: times.start,
                time_unix_nano: times.now,
                value: Some(value),
                ..NumberDataPoint::default()
            })
        });
        points.collect()
    }

    /// Joins the lines of each histogram of the family.
    fn histograms(&self, times: PointTimes) -> Vec<HistogramDataPoint> {
        let mut found: Vec<PageHistogram<'_>> = Vec::new();
        for sample in &self.samples {
            let labels: Vec<_> = sample.labels.iter().filter(|label| label.name != BOUND).cloned().collect();
            let place = found.iter().position(|one| one.labels == labels).unwrap_or_else(|| {
                found.push(PageHistogram { labels, ..PageHistogram::default() });
                found.len() - 1
            });
            found[place].add(sample);
        }
        found.into_iter().map(|one| one.point(times)).collect()
    }
}

/// Histogram whose lines are being read.
#[derive(Default)]
struct PageHistogram<'p> {
    labels: Vec<PageLabel<'p>>,
    bounds: Vec<f64>,
    /// Number of values up to each bound, and of all values.
    counts: Vec<u64>,
    sum: f64,
}

impl<'p> PageHistogram<'p> {
    fn add(&mut self, sample: &PageSample<'p>) {
        if let Some(bound) = sample.labels.iter().find(|label| label.name == BOUND) {
            self.counts.push(sample.value.parse().unwrap_or_default());
            self.bounds.extend(bound.value.parse::<f64>().ok().filter(|bound| bound.is_finite()));
        } else if sample.name.ends_with("_sum") {
            self.sum = sample.value.parse().unwrap_or_default();
        }
    }

    fn point(self, times: PointTimes) -> HistogramDataPoint {
        let before = std::iter::once(0).chain(self.counts.iter().copied());
        HistogramDataPoint {
            attributes: attributes(&self.labels),
            start_time_unix_nano: times.start,
            time_unix_nano: times.now,
            count: self.counts.last().copied().unwrap_or_default(),
            sum: Some(self.sum),
            bucket_counts: self.counts.iter().zip(before).map(|(count, before)| count.saturating_sub(before)).collect(),
            explicit_bounds: self.bounds,
            ..HistogramDataPoint::default()
        }
    }
}

impl<'p> PageSample<'p> {
    /// Parses a line such as `name{label="value"} 1`.
    fn parse(line: &'p str) -> Option<Self> {
        let (series, value) = line.rsplit_once(' ')?;
        let Some((name, labels)) = series.split_once('{') else {
            return Some(Self { name: series, labels: Vec::new(), value });
        };
        let (mut rest, mut found) = (labels.strip_suffix('}')?, Vec::new());
        while !rest.is_empty() {
            let (name, quoted) = rest.split_once("=\"")?;
            let end = end_of_value(quoted)?;
            found.push(PageLabel { name, value: unescaped(&quoted[..end]) });
            rest = &quoted[end + 1..];
            rest = rest.strip_prefix(',').unwrap_or(rest);
        }
        Some(Self { name, labels: found, value })
    }
}

/// Returns the place of the quote that ends a label's value.
fn end_of_value(quoted: &str) -> Option<usize> {
    let mut is_escaped = false;
    quoted.bytes().position(|byte| {
        let is_end = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        is_end
    })
}

fn unescaped(value: &str) -> Cow<'_, str> {
    if !value.contains('\\') {
        return Cow::Borrowed(value);
    }
    let (mut text, mut chars) = (String::new(), value.chars());
    while let Some(char) = chars.next() {
        text.push(match char {
            '\\' => chars.next().map_or('\\', |escaped| if escaped == 'n' { '\n' } else { escaped }),
            char => char,
        });
    }
    Cow::Owned(text)
}

fn attributes(labels: &[PageLabel<'_>]) -> Vec<KeyValue> {
    labels.iter().map(|label| text_value(label.name, &label.value)).collect()
}

#[cfg(test)]
mod tests {
    use std::fmt;
    use std::time::Duration;

    use super::*;
    use crate::metrics::{BucketHistogram, FamilyKind, MetricSource, MetricsPage};
    use crate::ops::Metrics;

    /// Part with one metric of each kind.
    struct Sample(BucketHistogram);

    impl MetricSource for Sample {
        fn write(&self, page: &mut MetricsPage<'_>) -> fmt::Result {
            let mut calls = page.family(FamilyKind::Counter, "calls", "Ended calls")?;
            calls.number(&[("method", "a.B/C"), ("code", "OK")], 7)?;
            calls.number(&[("method", "a \"b\" \\ c,d=\"e\""), ("code", "")], 8)?;
            page.gauge("running", "Running calls", 3)?;
            page.family(FamilyKind::Bytes, "memory", "Memory")?.number(&[("kind", "answers")], 4096)?;
            page.seconds("offset", "Offset", -0.25)?;
            page.family(FamilyKind::Times, "wait", "Waits")?.histogram(&[("pool", "read")], &self.0)
        }
    }

    fn translated() -> Vec<Metric> {
        let histogram = BucketHistogram::new(&[1_000, 1_000_000]);
        for micros in [10, 1_000, 20_000, 5_000_000] {
            histogram.record_time(Duration::from_micros(micros));
        }
        let mut page = Metrics::default();
        page.add(Sample(histogram));
        page.add_process();
        metrics(&page.text(), PointTimes { start: 1, now: 2 })
    }

    fn find(name: &str) -> Metric {
        translated().into_iter().find(|metric| metric.name == name).unwrap_or_else(|| panic!("{name} is missing"))
    }

    #[test]
    fn counters_are_cumulative_sums_with_their_labels() {
        let calls = find("calls");
        let Some(Data::Sum(sum)) = calls.data else { panic!("{calls:?}") };
        assert!(sum.is_monotonic && sum.aggregation_temporality() == AggregationTemporality::Cumulative);
        assert_eq!((calls.description.as_str(), calls.unit.as_str()), ("Ended calls", ""));
        let points: Vec<_> = sum.data_points.iter().map(|point| (point.attributes.clone(), point.value)).collect();
        let (first, second) = ("a.B/C", "a \"b\" \\ c,d=\"e\"");
        let labels = |method, code| vec![text_value("method", method), text_value("code", code)];
        let wanted = [(labels(first, "OK"), Some(Value::AsInt(7))), (labels(second, ""), Some(Value::AsInt(8)))];
        assert_eq!(points, wanted);
        let times = (sum.data_points[0].start_time_unix_nano, sum.data_points[0].time_unix_nano);
        assert_eq!(times, (1, 2));
    }

    #[test]
    fn units_leave_the_name() {
        for (name, unit, value) in [
            ("memory", "By", Value::AsInt(4096)),
            ("offset", "s", Value::AsDouble(-0.25)),
            ("running", "", Value::AsInt(3)),
        ] {
            let metric = find(name);
            let Some(Data::Gauge(gauge)) = metric.data else { panic!("{metric:?}") };
            assert_eq!((metric.unit.as_str(), gauge.data_points[0].value), (unit, Some(value)), "{name}");
        }
        assert!(matches!(find("process_cpu").data, Some(Data::Sum(_))));
        assert!(matches!(find("gatepost_build_info").data, Some(Data::Gauge(_))));
    }

    #[test]
    fn histogram_has_counts_between_its_bounds() {
        let wait = find("wait");
        let Some(Data::Histogram(histogram)) = wait.data else { panic!("{wait:?}") };
        let [point] = &histogram.data_points[..] else { panic!("{histogram:?}") };
        assert_eq!(point.attributes, [text_value("pool", "read")]);
        assert_eq!((wait.unit.as_str(), &point.explicit_bounds[..]), ("s", &[0.001, 1.0][..]));
        assert_eq!((point.count, &point.bucket_counts[..]), (4, &[2, 1, 1][..]));
        assert!((point.sum.unwrap() - 5.021_01).abs() < 1e-9, "{point:?}");
    }
}
