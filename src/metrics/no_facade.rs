//! Stubs that replace `facade.rs` without the feature `metrics`.

#![expect(clippy::unused_self, reason = "the same methods as in facade.rs")]

use std::time::Duration;

use super::Labels;

#[derive(Debug)]
pub(super) struct Counter;

impl Counter {
    pub(super) const fn none() -> Self {
        Self
    }

    pub(super) const fn new(_name: &'static str, _labels: &Labels, _help: &'static str) -> Self {
        Self
    }

    pub(super) const fn one(&self) {}
}

#[derive(Debug)]
pub(super) struct Gauge;

impl Gauge {
    pub(super) const fn new(_name: &'static str, _help: &'static str) -> Self {
        Self
    }

    pub(super) const fn set(&self, _is_on: bool) {}
}

#[derive(Debug)]
pub(super) struct Histogram;

impl Histogram {
    pub(super) const fn new(_name: &'static str, _help: &'static str) -> Self {
        Self
    }

    pub(super) const fn record(&self, _time: Duration) {}
}
