//! `bench drill revocation`: tokens are revoked while guards, the auth service and all connections fail
//! (docs/guarantee.md).

mod callers;
mod check;
mod fault;
mod history;
mod plan;
mod rig;
mod round;
mod run;
mod sessions;
mod table;

pub use callers::{Caller, Stage};
pub use check::{Judgement, Outcome, PROMISED, PROVEN, Revoked, Seen, Violation, judge};
pub use fault::Fault;
pub use history::History;
pub use plan::Plan;
pub use rig::{GUARDS, Rig};
pub use run::run;
pub use sessions::{Revocation, Session, admin, register};
pub use table::report;
