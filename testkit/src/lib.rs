//! Helpers of tests and drills of all crates: temporary databases, and faults of databases, networks and disks.
//!
//! This crate depends on no service: a test passes a URL, an address, a store, or the environment of a process.

mod apart;
mod case;
mod clock;
pub mod collector;
pub mod columns;
mod database;
pub mod disk;
mod engines;
mod folder;
mod garbage;
mod gzip;
pub mod http;
pub mod machine;
mod methods;
mod metrics;
mod outsider;
pub mod postgres;
pub mod proxy;
mod raw;
pub mod sqlite;
pub mod statements;
pub mod tls;

pub use case::{OpenStore, StoreCase};
pub use clock::{clock, start};
pub use database::TestDatabase;
pub use engines::on_both_engines;
pub use folder::{folder, folder_in_memory};
pub use garbage::garbage;
pub use gzip::{gunzipped, gzipped};
pub use methods::{Method, methods};
pub use metrics::MetricsText;
pub use outsider::Outsider;
pub use raw::{Raw, Reply, framed};
