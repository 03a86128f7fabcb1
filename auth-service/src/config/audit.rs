//! Retention of the audit log.

use std::time::Duration;

use clap::{Args, value_parser};
use kit::config::{ConfigError, duration};

use crate::domain::AuditRetention;

/// Shortest and longest retention.
const RETENTION: std::ops::RangeInclusive<Duration> = Duration::from_hours(24)..=Duration::from_hours(24 * 3660);

/// Flags of the audit log.
#[derive(Clone, Copy, Debug, Args)]
pub struct AuditFlags {
    /// Time for which an event of the audit log is kept, 1d to 3660d
    #[arg(long, env = "AUTH_AUDIT_RETENTION", default_value = "90d", value_parser = duration, hide_env_values = true)]
    pub audit_retention: Duration,
    /// Largest number of events in the audit log, 1000 to 100000000; beyond it the oldest are deleted
    #[arg(long, env = "AUTH_AUDIT_MAX_EVENTS", default_value = "1000000", hide_env_values = true,
          value_parser = value_parser!(u32).range(1000..=100_000_000))]
    pub audit_max_events: u32,
}

impl AuditFlags {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if RETENTION.contains(&self.audit_retention) {
            return Ok(());
        }
        Err(ConfigError::setting("--audit-retention (AUTH_AUDIT_RETENTION)", "must be from 1d to 3660d"))
    }

    pub(crate) fn retention(&self) -> AuditRetention {
        AuditRetention { age: self.audit_retention, events: self.audit_max_events.into() }
    }
}
