//! `bench drill stall`: at full load a process is stopped for a while and continued. Clients retry meanwhile.
//!
//! The load is an open loop: calls arrive at a constant rate near the capacity, whatever the answers are. The drill shows
//! if the services return to their earlier goodput, or if retries and stale work keep them busy (a metastable failure).

mod arrivals;
mod client;
mod goodput;
mod plan;
mod rig;
mod run;

pub use plan::{RetryBehavior, StallPlan, StallSubject};
pub use run::run;
