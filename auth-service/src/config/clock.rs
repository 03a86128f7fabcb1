//! The setting for the tolerated difference between clocks.

use std::time::Duration;

use chrono::TimeDelta;
use clap::Args;
use kit::config::{ConfigError, duration};

/// Allowed range of the setting.
const LEEWAY: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_mins(1);

/// Flags of the tolerated difference between the clocks of replicas and of the database server.
#[derive(Clone, Copy, Debug, Args)]
pub struct ClockFlags {
    /// Tolerated difference between this clock and the database server's, 1s to 60s. If the difference is larger, no
    /// expired row is deleted and no key is rotated. Stored times that are further ahead are repaired
    #[arg(long, env = "AUTH_CLOCK_LEEWAY", default_value = "5s", value_parser = duration, hide_env_values = true)]
    pub clock_leeway: Duration,
}

impl ClockFlags {
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if LEEWAY.contains(&self.clock_leeway) {
            return Ok(());
        }
        Err(ConfigError::setting("--clock-leeway (AUTH_CLOCK_LEEWAY)", "must be from 1s to 60s"))
    }

    /// Returns the largest tolerated difference between clocks.
    pub(crate) fn leeway(&self) -> TimeDelta {
        TimeDelta::from_std(self.clock_leeway).unwrap_or_default()
    }
}
