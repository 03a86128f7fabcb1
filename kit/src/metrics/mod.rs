//! Instruments that a service counts with, and the page on which Prometheus reads them.
//!
//! An instrument is an atomic number: recording takes no lock and allocates no memory. A [`MetricSource`] reads the
//! instruments of one part when the page is asked for.

mod instruments;
mod page;
mod process;

pub use instruments::{BucketHistogram, EventCounter, LevelGauge, LevelPermit, WAIT_BOUNDS, WORK_BOUNDS};
pub use page::{FamilyKind, Label, MetricSource, MetricsPage, Samples};
pub use process::{BuildInfo, ProcessMetrics};
