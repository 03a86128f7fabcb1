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
mod target;

pub use callers::{Stage, TokenCaller};
pub use check::{
    CheckResult, GuardedOutcome, ObservedCall, PROMISED_BOUND, PROVEN_BOUND, PromiseViolation, Revoked, check,
};
pub use fault::RevocationFault;
pub(in crate::drill) use fault::{CALM_MS, REVOKING_MS};
pub use history::RevocationHistory;
pub use plan::RevocationPlan;
pub use rig::{GUARD_COUNT, RevocationRig};
pub(in crate::drill) use rig::{SERVICE_KEY, write};
pub(in crate::drill) use run::run as run_faults;
pub use sessions::{RevocableSession, RevocationKind, admin, register};
pub use table::{CheckedFault, report};
pub(crate) use target::FaultTarget;
pub use target::NamedFault;
