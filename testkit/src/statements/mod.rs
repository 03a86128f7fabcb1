//! Search for statements that scan a table instead of using an index.
//!
//! [`statements`] reads all statements from the sources. [`scans_of_file`] and [`scans_of_server`] fill a store's tables, and
//! return the statements whose plan has a scan.

mod plan;
mod postgres;
mod source;
mod sqlite;

pub use postgres::{plan_of_server, scans_of_server};
pub use source::{Statement, statements};
pub use sqlite::{plan_of_file, scans_of_file};
