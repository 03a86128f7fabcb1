//! Counts of a run.

use super::error::DemoError;

/// Counts of a run.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) total: usize,
    /// Numbers of the steps with an unexpected answer.
    pub(super) unexpected: Vec<usize>,
    /// Number of steps that did not run.
    pub(super) left_out: usize,
    /// Reason for an early end.
    pub(super) cut: Option<EarlyEnd>,
}

/// Reason for an early end of the demo.
#[derive(Debug)]
pub(super) enum EarlyEnd {
    /// Ctrl-C stopped the demo.
    Stopped,
    /// The service at this URL stopped answering.
    Gone(String),
}

impl Tally {
    pub(super) fn is_well(&self) -> bool {
        self.unexpected.is_empty() && self.left_out == 0
    }

    pub(super) fn result(&self) -> Result<(), DemoError> {
        match &self.cut {
            Some(EarlyEnd::Stopped) => Err(DemoError::Stopped),
            Some(EarlyEnd::Gone(url)) => Err(DemoError::Gone(url.clone())),
            None if self.is_well() => Ok(()),
            None => Err(DemoError::Unexpected),
        }
    }
}
