//! Export of spans and metrics over OTLP (gRPC), in batches and in the background.
//!
//! The exporter never delays a call. Spans wait in a bounded queue. If the collector is down, slow or silent, spans are
//! dropped and counted.

mod collector;
mod counters;
mod exporter;
mod page;
mod resource;
mod settings;
mod spans;

pub use exporter::{ExportTimes, ServiceTelemetry};
pub use settings::{CollectorAddress, CollectorSettings};
