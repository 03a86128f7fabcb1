//! Limits for the guard's lines about refusals: one for each reason, so that a flood of one hides no other.

use std::array;

use super::Refusal;
use crate::log::{Line, LogLimit};

/// A limit for each reason.
#[derive(Debug)]
pub(super) struct LineLimits([LogLimit; Refusal::ALL.len()]);

impl LineLimits {
    /// Returns the permission to write a line about this refusal, or `None` after counting the line as left out.
    pub(super) fn allow(&self, refusal: Refusal) -> Option<Line> {
        self.0[refusal.number()].allow()
    }
}

impl Default for LineLimits {
    fn default() -> Self {
        Self(array::from_fn(|_| LogLimit::new()))
    }
}

#[cfg(test)]
impl LineLimits {
    /// Makes limits by this clock.
    pub(super) fn with_uptime(uptime: &crate::Uptime) -> Self {
        Self(array::from_fn(|_| LogLimit::with_uptime(uptime.clone())))
    }
}
