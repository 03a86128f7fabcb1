//! Log limits of rejections, one per reason: a flood of one reason does not hide the others.

use std::array;

use super::Rejection;
use crate::log::{LogLimit, LogPermit};

/// One limit per reason.
#[derive(Debug)]
pub(super) struct LineLimits([LogLimit; Rejection::ALL.len()]);

impl LineLimits {
    /// Returns the permission to log this rejection. Otherwise counts the line as left out and returns `None`.
    pub(super) fn allow(&self, rejection: Rejection) -> Option<LogPermit> {
        self.0[rejection.number()].allow()
    }
}

impl Default for LineLimits {
    fn default() -> Self {
        Self(array::from_fn(|_| LogLimit::new()))
    }
}

#[cfg(test)]
impl LineLimits {
    /// Creates limits with this clock.
    pub(super) fn with_uptime(uptime: &crate::Uptime) -> Self {
        Self(array::from_fn(|_| LogLimit::with_uptime(uptime.clone())))
    }
}
