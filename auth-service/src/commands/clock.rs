//! Compares the clock of an operator's command with the database's clock, before the command writes times.

use std::time::Duration;

use chrono::TimeDelta;
use clap::Args;
use db::clock::compare;
use db::patiently;
use kit::Clock;
use kit::config::{ConfigError, duration};
use kit::output;

use crate::config::ClockFlags;
use crate::store::{AuthStore, StoreError};

/// Flags of the clock check.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct ClockCheckFlags {
    /// Largest difference between this machine's clock and the database server's, 1s to 60s. Beyond it no command
    /// writes times
    // The id must differ from the id of the service's flag, which has another default.
    #[arg(id = "command_clock_leeway", long = "clock-leeway", global = true, value_name = "CLOCK_LEEWAY",
          env = "AUTH_CLOCK_LEEWAY", default_value = "5s", value_parser = duration, hide_env_values = true)]
    leeway: Duration,
    /// Write times even if the clock differs by more
    #[arg(long, global = true)]
    trust_clock: bool,
}

impl ClockCheckFlags {
    /// Returns the largest allowed difference between clocks; `None` if any difference is allowed.
    ///
    /// # Errors
    /// Fails if the setting is out of bounds.
    pub(super) fn leeway(self) -> Result<Option<TimeDelta>, ConfigError> {
        let flags = ClockFlags { clock_leeway: self.leeway };
        flags.check()?;
        Ok((!self.trust_clock).then(|| flags.leeway()))
    }
}

/// Error of a clock that differs by more than the leeway.
#[derive(Debug, thiserror::Error)]
#[error(
    "{problem}, more than the {leeway} s of --clock-leeway (AUTH_CLOCK_LEEWAY), and nothing was written: set the clock by a \
     time server and run this again, or run it on another machine; --trust-clock writes by this clock anyway"
)]
pub(crate) struct WrongClock {
    problem: String,
    leeway: i64,
}

/// Compares the clock with the database's, and warns if they differ by 2 s or more. Returns a clock that combines both.
pub(crate) async fn measured(store: &AuthStore, clock: &Clock) -> Result<Clock, StoreError> {
    let clock = clock.apart();
    patiently(|| compare(store.db(), &clock)).await?;
    if let Some(problem) = clock.problem() {
        output::err(&format!("{problem}: set it, and keep it right by a time server (NTP)"));
    }
    Ok(clock)
}

/// Fails if the clock differs by more than the leeway, if there is one.
pub(crate) fn check(clock: &Clock, leeway: Option<TimeDelta>) -> Result<(), WrongClock> {
    match leeway.zip(clock.problem()) {
        Some((leeway, problem)) if clock.offset().abs() > leeway => {
            Err(WrongClock { problem, leeway: leeway.num_seconds() })
        }
        _ => Ok(()),
    }
}
