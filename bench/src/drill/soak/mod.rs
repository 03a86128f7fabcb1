//! `bench drill soak`: hours of mixed load with a random fault a minute (docs/drills.md).
//!
//! Its memory is bounded, whatever its length: counters and histograms in place of calls, a bounded set of posts whose
//! content is known, and a short history for each revoked token.

mod call;
mod callers;
mod database;
mod fault;
mod growth;
mod make;
mod options;
mod posts;
mod prepare;
mod record;
mod report;
mod rig;
mod run;
mod sampler;
mod sessions;
mod tally;
mod watch;
mod windows;

pub use database::SoakDatabase;
pub use fault::SoakFault;
pub use options::{SoakOptions, SoakPlan};
pub use report::SoakReport;
pub use run::{SoakFiles, run, soak};
