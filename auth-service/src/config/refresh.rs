//! Repeated use of a refresh token after a lost answer.

use std::time::Duration;

use chrono::TimeDelta;
use clap::{Args, value_parser};
use kit::config::{ConfigError, duration};

use crate::domain::Grace;

/// Longest grace. With a longer one, a stolen token would work longer next to its owner's.
const MAX_GRACE: Duration = Duration::from_mins(10);

/// Flags of the grace for lost answers.
#[derive(Clone, Debug, Args)]
pub struct RefreshFlags {
    /// Time for which a used refresh token is answered again, in case its answer was lost, up to 10m; 0: never
    #[arg(long, env = "AUTH_REFRESH_GRACE", default_value = "60s", value_parser = duration, hide_env_values = true)]
    pub refresh_grace: Duration,
    /// Time after a refresh in which a second use of its token counts as a second tab, not as a lost answer; at most
    /// --refresh-grace; 0: never
    #[arg(long, env = "AUTH_REFRESH_OVERLAP", default_value = "10s", value_parser = duration, hide_env_values = true)]
    pub refresh_overlap: Duration,
    /// Number of recent refreshes with a lost answer at which a session ends, 2 to 16
    #[arg(long, env = "AUTH_REFRESH_GRACE_LIMIT", default_value = "2", hide_env_values = true,
          value_parser = value_parser!(u8).range(2..=16))]
    pub refresh_grace_limit: u8,
    /// Number of recent refreshes in which lost answers are counted, 2 to 16
    #[arg(long, env = "AUTH_REFRESH_GRACE_ROTATIONS", default_value = "4", hide_env_values = true,
          value_parser = value_parser!(u8).range(2..=16))]
    pub refresh_grace_rotations: u8,
}

impl RefreshFlags {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        if self.refresh_grace > MAX_GRACE {
            return Err(ConfigError::setting("--refresh-grace (AUTH_REFRESH_GRACE)", "must be at most 10m"));
        }
        if self.refresh_grace_limit > self.refresh_grace_rotations {
            let problem = "must not be more than --refresh-grace-rotations";
            return Err(ConfigError::setting("--refresh-grace-limit (AUTH_REFRESH_GRACE_LIMIT)", problem));
        }
        Ok(())
    }

    pub(crate) fn grace(&self) -> Grace {
        let time = TimeDelta::from_std(self.refresh_grace).unwrap_or(TimeDelta::MAX);
        let overlap = TimeDelta::from_std(self.refresh_overlap).unwrap_or(TimeDelta::MAX);
        Grace { time, overlap, max_graces: self.refresh_grace_limit, counted_rotations: self.refresh_grace_rotations }
    }
}
