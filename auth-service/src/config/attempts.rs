//! Limits of wrong passwords and registrations.

use std::time::Duration;

use chrono::TimeDelta;
use clap::{Args, value_parser};
use kit::config::{ConfigError, duration};

use crate::domain::{Allowance, AttemptLimits};

/// Flags of the limits of wrong passwords and registrations.
#[derive(Clone, Copy, Debug, Args)]
pub struct AttemptFlags {
    /// Wrong passwords in a row before an account must wait: 1s at first, then twice as long after each further one; 0: no
    /// wait
    #[arg(long, env = "AUTH_FREE_FAILURES", default_value = "4", hide_env_values = true,
          value_parser = value_parser!(i32).range(0..=1_000_000))]
    pub free_failures: i32,
    /// Longest wait of an account, up to 1d
    #[arg(long, env = "AUTH_LONGEST_WAIT", default_value = "15m", value_parser = duration, hide_env_values = true)]
    pub longest_wait: Duration,
    /// Wrong passwords in a row after which an account must wait for one day; not below --free-failures
    #[arg(long, env = "AUTH_MOST_FAILURES", default_value = "100", hide_env_values = true,
          value_parser = value_parser!(i32).range(1..=1_000_000))]
    pub most_failures: i32,
    /// Wrong passwords that one address may send at once; 0: no limit (for a service behind a proxy that hides the callers'
    /// addresses)
    #[arg(long, env = "AUTH_ADDRESS_FAILURES", default_value = "50", hide_env_values = true)]
    pub address_failures: u32,
    /// Wrong passwords that each further minute allows
    #[arg(long, env = "AUTH_ADDRESS_FAILURES_PER_MINUTE", default_value = "20", hide_env_values = true,
          value_parser = value_parser!(u32).range(1..=60_000))]
    pub address_failures_per_minute: u32,
    /// Registrations and changes of an email address that one address may send at once; 0: no limit (for a service behind
    /// such a proxy)
    #[arg(long, env = "AUTH_SIGN_UPS", default_value = "200", hide_env_values = true)]
    pub sign_ups: u32,
    /// Registrations and changes that each further minute allows
    #[arg(long, env = "AUTH_SIGN_UPS_PER_MINUTE", default_value = "20", hide_env_values = true,
          value_parser = value_parser!(u32).range(1..=60_000))]
    pub sign_ups_per_minute: u32,
}

impl AttemptFlags {
    /// Returns the limits of these flags. `leeway` is the tolerated difference between clocks.
    pub(crate) fn limits(&self, leeway: TimeDelta) -> AttemptLimits {
        AttemptLimits {
            free_failures: self.free_failures,
            max_delay: TimeDelta::from_std(self.longest_wait).unwrap_or(TimeDelta::MAX),
            lock_after: self.most_failures,
            failures: Allowance { burst: self.address_failures, per_minute: self.address_failures_per_minute },
            sign_ups: Allowance { burst: self.sign_ups, per_minute: self.sign_ups_per_minute },
            leeway,
        }
    }

    /// Fails if the limits contradict each other.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        if self.longest_wait > Duration::from_hours(24) {
            return Err(ConfigError::setting("--longest-wait (AUTH_LONGEST_WAIT)", "must be at most 1d"));
        }
        if self.most_failures < self.free_failures {
            let problem = "must not be below --free-failures (AUTH_FREE_FAILURES)";
            return Err(ConfigError::setting("--most-failures (AUTH_MOST_FAILURES)", problem));
        }
        Ok(())
    }
}
