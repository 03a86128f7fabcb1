//! `bench scale`: the cost of calls at different numbers of rows, and what grows with the tables.
//!
//! All sizes of an engine run at the same time, and their calls take turns. So a ratio of two sizes comes from the same
//! minutes of the same machine.

mod call;
mod databases;
mod engine;
mod figure;
mod guards;
mod migration;
mod options;
mod report;
mod rounds;
mod run;
mod sized;
mod start;
mod sweep;
mod table;

pub use engine::ScaleEngine;
pub use figure::ScaleFigure;
pub use options::{ScaleOptions, ScaleSettings};
pub use run::run;
