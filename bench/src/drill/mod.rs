//! Drills: faults under load, and whether the promises hold meanwhile and afterwards (docs/drills.md).

mod call;
mod callers;
mod client;
pub mod disk;
mod held;
mod history;
mod journal;
mod judge;
pub mod kill;
pub mod postgres;
mod process;
mod random;
mod report;

pub use call::{Answer, Call, Operation};
pub use callers::Callers;
pub use client::Client;
pub use history::History;
pub use journal::{Contents, Fate, Journal};
pub use judge::Outage;
pub use process::{Services, beside, build};
pub use random::Random;
pub use report::{Broken, Report};

/// How long the first success may take once a fault is over, in a drill. Tests wait longer: a timing is no part of them.
pub const BACK: std::time::Duration = std::time::Duration::from_secs(1);
