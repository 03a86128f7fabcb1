//! A page of metrics, as Prometheus reads it.

use std::collections::BTreeSet;

/// The text of a page.
#[derive(Clone, Debug)]
pub struct MetricsText(pub String);

impl MetricsText {
    /// Returns the value of this series; `None` if the page does not have it.
    pub fn find(&self, series: &str) -> Option<f64> {
        self.text(series)?.parse().ok()
    }

    /// Returns the value of this series.
    ///
    /// # Panics
    /// Panics if the page does not have the series.
    #[track_caller]
    pub fn value(&self, series: &str) -> f64 {
        self.find(series).unwrap_or_else(|| panic!("{series} is missing:\n{}", self.0))
    }

    /// Returns the whole number of this series.
    ///
    /// # Panics
    /// Panics if the page does not have the series, or it has a fraction.
    #[track_caller]
    pub fn count(&self, series: &str) -> u64 {
        let text = self.text(series).unwrap_or_else(|| panic!("{series} is missing:\n{}", self.0));
        text.parse().unwrap_or_else(|_| panic!("{series} is not a whole number: {text}"))
    }

    fn text(&self, series: &str) -> Option<&str> {
        self.0.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))
    }

    /// Returns the names of all families, as Prometheus stores them: with `_total` for counters and `_info` for facts.
    pub fn names(&self) -> BTreeSet<String> {
        let types = self.0.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
        let suffix = |kind| match kind {
            "counter" => "_total",
            "info" => "_info",
            _ => "",
        };
        types.map(|(name, kind)| format!("{name}{}", suffix(kind))).collect()
    }
}
