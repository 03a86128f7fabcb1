//! Stubs that replace `facade.rs` without the feature `metrics`.

use std::time::Duration;

use super::Labels;

pub(super) type RecordedCounter = Unrecorded;
pub(super) type RecordedGauge = Unrecorded;
pub(super) type RecordedHistogram = Unrecorded;

/// A handle that records nothing.
#[derive(Debug)]
pub(super) struct Unrecorded;

pub(super) const fn unseen_counter() -> RecordedCounter {
    Unrecorded
}

pub(super) const fn counter(_name: &'static str, _labels: &Labels, _help: &'static str) -> RecordedCounter {
    Unrecorded
}

pub(super) const fn gauge(_name: &'static str, _help: &'static str) -> RecordedGauge {
    Unrecorded
}

pub(super) const fn histogram(_name: &'static str, _help: &'static str) -> RecordedHistogram {
    Unrecorded
}

#[expect(clippy::unused_self, reason = "the same methods as in facade.rs")]
impl Unrecorded {
    pub(super) const fn one(&self) {}

    pub(super) const fn set(&self, _value: u64) {}

    pub(super) const fn record(&self, _time: Duration) {}
}
