//! The exactness of clocks.

use std::time::Duration;

use chrono::TimeDelta;
use clap::Args;
use kit::config::{ConfigError, duration};

/// The least and the most that clocks may differ.
const LEEWAY: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_mins(1);

/// The exactness that the clocks of replicas and of the database server need.
#[derive(Clone, Copy, Debug, Args)]
pub struct ClockFlags {
    /// How much the clock may differ from the database server's, 1s to 60s. Beyond it nothing is swept, pruned or rotated, and
    /// stored times that lie further ahead are repaired
    #[arg(long, env = "AUTH_CLOCK_LEEWAY", default_value = "5s", value_parser = duration, hide_env_values = true)]
    pub clock_leeway: Duration,
}

/// The exactness that the clock of an operator's command needs.
#[derive(Clone, Copy, Debug, Args)]
pub struct CommandClockFlags {
    /// Largest difference between this machine's clock and the database server's, 1s to 60s. Beyond it no command writes times
    // Under another id than the service's own flag, whose default would be taken for it.
    #[arg(id = "command_clock_leeway", long = "clock-leeway", global = true, value_name = "CLOCK_LEEWAY",
          env = "AUTH_CLOCK_LEEWAY", default_value = "5s", value_parser = duration, hide_env_values = true)]
    leeway: Duration,
    /// Write times although the clock differs by more than that
    #[arg(long, global = true)]
    trust_clock: bool,
}

impl CommandClockFlags {
    /// Returns the greatest difference between clocks; `None` if any difference is allowed.
    ///
    /// # Errors
    /// Fails if the setting is out of its bounds.
    pub(crate) fn leeway(self) -> Result<Option<TimeDelta>, ConfigError> {
        let flags = ClockFlags { clock_leeway: self.leeway };
        flags.check()?;
        Ok((!self.trust_clock).then(|| flags.leeway()))
    }
}

impl ClockFlags {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if LEEWAY.contains(&self.clock_leeway) {
            return Ok(());
        }
        Err(ConfigError::setting("--clock-leeway (AUTH_CLOCK_LEEWAY)", "must be from 1s to 60s"))
    }

    /// The greatest difference between clocks.
    pub(crate) fn leeway(&self) -> TimeDelta {
        TimeDelta::from_std(self.clock_leeway).unwrap_or_default()
    }
}
