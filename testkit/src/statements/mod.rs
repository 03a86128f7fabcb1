//! Whether a database finds what a store asks for, or walks through a table for it.
//!
//! [`statements`] reads every statement out of the sources, so that none is forgotten; [`scans_of_file`] and
//! [`scans_of_server`] fill a store's tables and name the statements whose plan walks.

mod plan;
mod postgres;
mod source;
mod sqlite;

pub use postgres::{plan_of_server, scans_of_server};
pub use source::{Statement, statements};
pub use sqlite::{plan_of_file, scans_of_file};
