//! A number that only grows.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{Labels, facade};

/// How often something has happened.
#[derive(Debug)]
pub(crate) struct Counter {
    count: AtomicU64,
    recorded: facade::Counter,
}

impl Counter {
    /// Makes a counter that a recorder sees under this name.
    pub(super) fn named(name: &'static str, labels: &Labels, help: &'static str) -> Self {
        Self { count: AtomicU64::new(0), recorded: facade::Counter::new(name, labels, help) }
    }

    /// Makes a counter that is a part of something else.
    pub(super) const fn unnamed() -> Self {
        Self { count: AtomicU64::new(0), recorded: facade::Counter::none() }
    }

    /// It has happened once more.
    pub(crate) fn one(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.recorded.one();
    }

    pub(super) fn get(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }
}
