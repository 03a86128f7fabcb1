//! Result of a drill: a table, and each broken promise.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::{Operation, OutageMeter, RecordedCall};

/// A broken promise, and the observation.
#[derive(Clone, Debug)]
pub struct Broken {
    promise: &'static str,
    seen: String,
}

impl Broken {
    /// Returns the promise, as a sentence, with the observation.
    pub fn new(promise: &'static str, seen: impl Into<String>) -> Self {
        Self { promise, seen: seen.into() }
    }

    /// Returns the same with the circumstances of the observation.
    #[must_use]
    pub fn during(self, circumstances: &str) -> Self {
        Self { seen: format!("{} ({circumstances})", self.seen), ..self }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}; seen: {}", self.promise, self.seen)
    }
}

/// The result of a drill.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Lines of the table.
    pub lines: Vec<String>,
    /// Broken promises.
    pub broken: Vec<Broken>,
}

impl Report {
    /// Adds a row of a name and a value.
    pub fn row(&mut self, what: &str, how_much: impl fmt::Display) {
        self.lines.push(format!("{what:<50} {how_much}"));
    }

    /// Adds the number of each operation's answers, and the longest time of a call.
    pub fn answers(&mut self, calls: &[RecordedCall]) {
        let mut counts: BTreeMap<(Operation, String), (usize, Duration)> = BTreeMap::new();
        for call in calls {
            let entry = counts.entry((call.operation, call.answer.to_string())).or_default();
            entry.0 += 1;
            entry.1 = entry.1.max(call.ended - call.begun);
        }
        self.lines.push(format!("{:<16}{:<36}{:>9}{:>12}", "call", "answer", "times", "longest ms"));
        for ((operation, answer), (times, longest)) in counts {
            let operation = format!("{operation:?}");
            self.lines.push(format!("{operation:<16}{answer:<36}{times:>9}{:>12}", longest.as_millis()));
        }
    }

    /// Adds the median, the 99th percentile and the maximum of these times.
    pub fn times(&mut self, what: &str, mut times: Vec<Duration>) {
        times.sort();
        let Some(worst) = times.last() else { return };
        let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)].as_millis();
        self.row(what, format!("p50 {} ms, p99 {} ms, worst {} ms", at(50), at(99), worst.as_millis()));
    }

    /// Adds the longest time without a success for each kind of call.
    pub fn outages<K: fmt::Debug + Ord>(&mut self, what: &str, outages: &OutageMeter<K>) {
        for (kind, worst) in outages.by_kind() {
            self.row(&format!("{what}, {kind:?}"), format!("{} ms", worst.as_millis()));
        }
    }

    /// Prints everything.
    ///
    /// # Errors
    /// Fails with the number of broken promises.
    #[expect(clippy::print_stdout, reason = "figures are this program's output")]
    pub fn print(&self) -> Result<(), crate::Failure> {
        println!("\n{}", self.text());
        match self.broken.len() {
            0 => Ok(()),
            count => Err(format!("a promise was broken {count} times").into()),
        }
    }

    /// Returns the table, followed by the broken promises, or by a line that says that all promises held.
    pub fn text(&self) -> String {
        /// The largest number of broken promises shown.
        const MAX_SHOWN: usize = 40;
        let mut lines = self.lines.clone();
        lines.extend(self.broken.iter().take(MAX_SHOWN).map(|broken| format!("BROKEN: {broken}")));
        if self.broken.is_empty() {
            lines.push("all promises held".into());
        }
        lines.join("\n")
    }
}
