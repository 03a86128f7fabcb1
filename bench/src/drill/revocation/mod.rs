//! `bench drill revocation`: tokens are revoked while guards, the auth service and all connections fail
//! (docs/guarantee.md).

mod callers;
mod check;
mod fault;
mod file;
mod history;
mod observed;
mod plan;
mod rig;
mod round;
mod run;
mod sessions;
mod table;
mod target;

pub(in crate::drill) use callers::{Checker, refusal_or_loss, verdict};
pub use callers::{Stage, TokenCaller};
pub use check::{CheckResult, OrderRule, OrderViolation, PROMISED_BOUND, PROVEN_BOUND, PromiseViolation, check};
pub use fault::RevocationFault;
pub(in crate::drill) use fault::{CALM_MS, REVOKING_MS};
pub(super) use file::broken;
pub use file::{HistoryFile, RecordedHistory};
pub use history::{HistoryEntries, RevocationHistory};
pub use observed::{CheckPlace, GuardedOutcome, ObservedCall, ObservedRevocation};
pub use plan::RevocationPlan;
pub use rig::{GUARD_COUNT, RevocationRig};
pub(in crate::drill) use rig::{SERVICE_KEY, write};
pub use run::run;
pub(in crate::drill) use run::run_faults;
pub use sessions::{RevocableSession, RevocationKind, admin, register};
pub use table::{CheckedFault, report};
pub(crate) use target::FaultTarget;
pub use target::NamedFault;
