//! Compares the clock of an operator's command with the database's time, before the command writes times.

use chrono::TimeDelta;
use kit::Clock;
use kit::db::clock::compare;
use kit::db::patiently;
use kit::output;

use crate::store::{Store, StoreError};

/// Names a clock that differs by more than the leeway.
#[derive(Debug, thiserror::Error)]
#[error(
    "{problem}, more than the {leeway} s of --clock-leeway (AUTH_CLOCK_LEEWAY), and nothing was written: set the clock by a \
     time server and run this again, or run it on another machine; --trust-clock writes by this clock all the same"
)]
pub(crate) struct WrongClock {
    problem: String,
    leeway: i64,
}

/// Compares the clock with the database's time, and warns if it differs by two seconds or more. Returns the clock that goes by
/// both.
pub(crate) async fn measured(store: &Store, clock: &Clock) -> Result<Clock, StoreError> {
    let clock = clock.apart();
    patiently(|| compare(store.db(), &clock)).await?;
    if let Some(problem) = clock.problem() {
        output::err(&format!("{problem}: set it, and keep it right by a time server (NTP)"));
    }
    Ok(clock)
}

/// Refuses to write times by a clock that differs by more than the leeway, if there is one.
pub(crate) fn check(clock: &Clock, leeway: Option<TimeDelta>) -> Result<(), WrongClock> {
    match leeway.zip(clock.problem()) {
        Some((leeway, problem)) if clock.offset().abs() > leeway => {
            Err(WrongClock { problem, leeway: leeway.num_seconds() })
        }
        _ => Ok(()),
    }
}
