//! The count of what was as expected.

use super::error::DemoError;

/// The count of a run.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) total: usize,
    /// The numbers of the steps that were not as expected.
    pub(super) unexpected: Vec<usize>,
    /// The number of steps that were not played.
    pub(super) left_out: usize,
    /// The reason for an early end.
    pub(super) cut: Option<Cut>,
}

/// An early end of a story.
#[derive(Debug)]
pub(super) enum Cut {
    /// Ctrl-C.
    Stopped,
    /// The service at this URL went away.
    Gone(String),
}

impl Tally {
    pub(super) fn is_well(&self) -> bool {
        self.unexpected.is_empty() && self.left_out == 0
    }

    pub(super) fn result(&self) -> Result<(), DemoError> {
        match &self.cut {
            Some(Cut::Stopped) => Err(DemoError::Stopped),
            Some(Cut::Gone(url)) => Err(DemoError::Gone(url.clone())),
            None if self.is_well() => Ok(()),
            None => Err(DemoError::Unexpected),
        }
    }
}
