//! Drills: faults under load, and the promises during and after them (docs/drills.md).

pub mod backup;
mod call;
mod callers;
mod client;
pub mod damage;
pub mod disk;
pub mod field;
mod held;
mod history;
mod journal;
pub mod kill;
mod meter;
mod outage;
pub mod partition;
pub mod postgres;
pub mod power;
mod random;
pub mod refresh;
mod report;
pub mod revocation;
pub mod soak;
pub mod stall;
mod time_span;

pub use call::{Answer, Operation, RecordedCall};
pub use callers::DrillCallers;
pub use client::DrillClient;
pub use history::CallHistory;
pub use journal::{AcknowledgedWrite, Contents, Fate, FateCounts, Journal};
pub use meter::OutageMeter;
pub use outage::Outage;
pub use random::Random;
pub use report::{Broken, Report};
use time_span::TimeSpan;

/// Time limit in a drill for the first success after a fault. Tests wait longer, because they check no times.
pub const RECOVERY_TIME_LIMIT: std::time::Duration = std::time::Duration::from_secs(1);

/// The first admin, who sees all users.
const ADMIN_EMAIL: &str = "admin@example.com";
const DRILL_PASSWORD: &str = "correct horse battery staple";

/// Settings of the services in drills. All callers have the same address, so limits by address are off. The databases
/// exist only for one drill.
const DRILL_SETTINGS: [(&str, &str); 9] = [
    ("AUTH_ADDRESS_LOGINS_PER_MINUTE", "0"),
    ("AUTH_USER_SESSIONS", "0"),
    ("BLOG_USER_POSTS_PER_MINUTE", "0"),
    ("BLOG_USER_KIB_PER_MINUTE", "0"),
    ("AUTH_SIGN_UPS", "0"),
    ("AUTH_ADDRESS_FAILURES", "0"),
    ("AUTH_ADMIN_EMAIL", ADMIN_EMAIL),
    ("AUTH_ADMIN_PASSWORD", DRILL_PASSWORD),
    ("JWT_SECRET_KEY", "the secret protects only databases that exist for one drill"),
];
