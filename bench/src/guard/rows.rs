//! Lines of the table that `bench guard` prints.

use hdrhistogram::Histogram;

/// The printed lines, stored for the page of the documentation.
#[derive(Default)]
pub(super) struct Rows(pub(super) Vec<String>);

impl Rows {
    /// Prints and stores a line.
    #[expect(clippy::print_stdout, reason = "figures are this program's output")]
    pub(super) fn line(&mut self, line: String) {
        println!("{line}");
        self.0.push(line);
    }

    /// Adds a figure with its target.
    pub(super) fn row(&mut self, name: &str, measured: &str, target: &str) {
        self.line(format!("{name:<58} {measured:<26} {target}").trim_end().to_owned());
    }
}

/// Returns the median, the 99th percentile and the maximum, in milliseconds, of times in microseconds.
pub(super) fn quantiles(micros: &Histogram<u64>) -> String {
    let [median, late, most] = [0.5, 0.99, 1.0].map(|part| bench::load::millis(micros, part));
    format!("{median:.1}, {late:.1}, {most:.1} ms")
}
