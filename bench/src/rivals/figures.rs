//! The result of `bench rivals`, as JSON. A change of a field's meaning or name raises the schema's number.

use std::collections::BTreeMap;

use serde::Serialize;

use super::work::RivalCall;
use super::{Rival, RivalSettings};
use crate::load::{RoundFigures, Spread};
use crate::machine::MachineFacts;

/// Number of the schema.
pub(super) const RIVALS_SCHEMA: u32 = 1;

/// The result. docs/rivals.md describes the fields.
#[derive(Debug, Serialize)]
pub(super) struct RivalsReport {
    pub(super) schema: u32,
    #[serde(flatten)]
    pub(super) machine: MachineFacts,
    pub(super) settings: RivalSettings,
    pub(super) rivals: Vec<RivalFigures>,
    pub(super) not_run: Vec<RivalNotRun>,
}

/// A rival that was not measured.
#[derive(Debug, Serialize)]
pub(super) struct RivalNotRun {
    pub(super) rival: String,
    pub(super) reason: String,
}

/// Figures of a rival.
#[derive(Debug, Serialize)]
pub(super) struct RivalFigures {
    pub(super) rival: String,
    pub(super) version: String,
    /// Algorithm and cost of the password hashes; `None` if the rival checks no passwords.
    pub(super) hash: Option<&'static str>,
    /// Seconds from the start to the first correct answer, on the data of an earlier start.
    pub(super) start_s: Spread,
    /// Resident memory after the first correct answer, in MiB.
    pub(super) memory_idle_mib: f64,
    /// Largest resident memory at the end of a turn, in MiB.
    pub(super) memory_load_mib: f64,
    pub(super) calls: BTreeMap<RivalCall, RivalCallFigures>,
    /// Rate of guarded reads divided by the rate of public reads, round by round.
    pub(super) guarded_ratio: Option<Spread>,
    /// Seconds until the tokens of ended sessions were refused; `None` without sessions.
    pub(super) refused: Option<RefusalFigures>,
    /// The reason why a session could not be opened, ended or asked about; the sessions before count.
    pub(super) session_failure: Option<String>,
}

/// Figures of a rival's calls of a kind.
#[derive(Debug, Serialize)]
pub(super) struct RivalCallFigures {
    /// Successful calls a second.
    pub(super) calls_per_second: Spread,
    pub(super) first_failure: Option<String>,
    pub(super) rounds: Vec<RoundFigures>,
}

/// Times until the tokens of ended sessions were refused.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RefusalFigures {
    /// Each token was refused after so many seconds.
    After(Spread),
    /// A token was still accepted after so many seconds.
    NotWithin(u64),
}

impl RivalFigures {
    /// Returns the figures of a rival without turns.
    pub(super) fn new(rival: Rival, version: String, starts: &[f64], memory_idle_mib: f64) -> Self {
        Self {
            rival: rival.to_string(),
            version,
            hash: rival.hash(),
            start_s: Spread::of_rounds(starts),
            memory_idle_mib,
            memory_load_mib: memory_idle_mib,
            calls: BTreeMap::new(),
            guarded_ratio: None,
            refused: None,
            session_failure: None,
        }
    }

    /// Adds a round of a call.
    pub(super) fn add(&mut self, call: RivalCall, round: RoundFigures, first_failure: Option<String>) {
        let empty =
            || RivalCallFigures { calls_per_second: Spread::of_rounds(&[]), first_failure: None, rounds: Vec::new() };
        let figures = self.calls.entry(call).or_insert_with(empty);
        figures.rounds.push(round);
        figures.first_failure = figures.first_failure.take().or(first_failure);
        figures.calls_per_second = Spread::of_rounds(&figures.rates());
        self.guarded_ratio = self.ratio();
    }

    /// Returns the ratio of guarded and public reads. A round without public reads has none.
    fn ratio(&self) -> Option<Spread> {
        let rates = |call| self.calls.get(&call).map(RivalCallFigures::rates);
        let pairs = rates(RivalCall::Read)?.into_iter().zip(rates(RivalCall::PublicRead)?);
        let ratios: Vec<_> =
            pairs.filter(|(_, public)| *public > 0.0).map(|(guarded, public)| guarded / public).collect();
        (!ratios.is_empty()).then(|| Spread::of_rounds(&ratios))
    }

    /// Returns the median rate of a call.
    pub(super) fn rate(&self, call: RivalCall) -> Option<f64> {
        self.calls.get(&call).map(|figures| figures.calls_per_second.median)
    }
}

impl RivalCallFigures {
    fn rates(&self) -> Vec<f64> {
        self.rounds.iter().map(|round| round.calls_per_second).collect()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Returns figures with these rates of guarded and public reads.
    pub(in crate::rivals) fn reads<const N: usize>(rival: Rival, guarded: [f64; N], public: [f64; N]) -> RivalFigures {
        let mut figures = RivalFigures::new(rival, "1.0".into(), &[0.3, 0.1, 0.2], 10.0);
        for (call, rates) in [(RivalCall::Read, guarded), (RivalCall::PublicRead, public)] {
            for calls_per_second in rates {
                let (answers, failed, shed, seconds) = (1, 0, 0, 1.0);
                let (times_ms, server_cpu_us) = (None, None);
                let round = RoundFigures { calls_per_second, times_ms, answers, failed, shed, seconds, server_cpu_us };
                figures.add(call, round, None);
            }
        }
        figures
    }

    #[test]
    fn ratio_is_taken_round_by_round() {
        let figures = reads(Rival::GoPair, [10.0, 30.0, 9.0, 5.0], [20.0, 30.0, 10.0, 0.0]);
        assert_eq!(figures.guarded_ratio, Some(Spread { median: 0.9, min: 0.5, max: 1.0 }));
        assert_eq!(figures.rate(RivalCall::Read), Some(9.5));
        assert_eq!(figures.rate(RivalCall::Login), None);
        assert_eq!(figures.start_s, Spread { median: 0.2, min: 0.1, max: 0.3 });
    }

    #[test]
    fn ratio_needs_both_reads() {
        let mut figures = reads(Rival::GoPair, [10.0], [20.0]);
        figures.calls.remove(&RivalCall::PublicRead);
        assert_eq!(figures.ratio(), None);
        let figures = reads(Rival::GoPair, [10.0], [0.0]);
        assert_eq!(figures.guarded_ratio, None);
    }
}
