//! Keys of one database over time: the first one, the next ones, and the retired ones.

mod configured;
mod error;
mod key_changes;
mod keyring;
mod retire;
mod schedule;

pub(crate) use configured::remember;
pub use error::KeyringError;
pub use keyring::Keyring;
pub(crate) use keyring::{MAX_LEAD, MAX_LIFETIME};
pub(crate) use schedule::{ClockTrust, RotationSchedule, run_rotation};
