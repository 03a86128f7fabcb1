//! Times of the model.

use std::time::Duration;

/// A step of time, and the highest age of a replica's view.
pub const TICK_LENGTH: Duration = Duration::from_millis(500);

/// The longest time for which a token may be admitted after its revocation has been acknowledged.
pub const REVOCATION_BOUND: Duration = Duration::from_millis(1500);

/// The time of the model's start, at which its tokens were issued.
pub(crate) const START_TIME: Duration = Duration::from_secs(5);

/// Largest delay of a poll that makes a difference, in ticks. After a longer delay the view is too old for any answer.
pub(crate) const LATE_POLL_TICKS: u32 = 2;
