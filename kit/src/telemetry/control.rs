//! Change of the log's filter at run time.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tracing_subscriber::EnvFilter;

use super::filter;

/// Control of the filter of the process's log. Clones share it. The default controls no log.
#[derive(Clone, Debug, Default)]
pub struct LogControl(Option<Arc<ControlState>>);

struct ControlState {
    /// Replaces the filter of the running log.
    replace: Box<dyn Fn(EnvFilter) -> Result<(), String> + Send + Sync>,
    crates: &'static [&'static [&'static str]],
    /// Filter at the start.
    first: Option<String>,
    /// Filter in use.
    current: Mutex<Option<String>>,
}

impl LogControl {
    /// Creates the control of a log that started with this filter.
    pub(super) fn new(
        first: Option<&str>,
        crates: &'static [&'static [&'static str]],
        replace: impl Fn(EnvFilter) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        let first = first.map(str::to_owned);
        let current = Mutex::new(first.clone());
        Self(Some(Arc::new(ControlState { replace: Box::new(replace), crates, first, current })))
    }

    /// Returns the filter in use; `None` if there is no log to control.
    pub fn filter(&self) -> Option<String> {
        let state = self.0.as_ref()?;
        let current = state.current.lock().unwrap_or_else(PoisonError::into_inner);
        Some(current.as_deref().unwrap_or(filter::DEFAULT_FILTER).to_owned())
    }

    /// Hides lines below warnings, unless `RUST_LOG` has chosen a filter: a command's result is not buried in its log.
    pub fn prefer_warnings(&self) {
        if self.0.as_ref().is_some_and(|state| state.first.is_none()) {
            // This cannot fail: the text is a valid filter.
            let _ = self.set_filter("warn");
        }
    }

    /// Sets the filter, in the syntax of `RUST_LOG`. An empty text sets the filter of the start.
    ///
    /// # Errors
    /// Fails with a text that shows the unreadable part, or says that there is no log.
    pub fn set_filter(&self, text: &str) -> Result<(), String> {
        let Some(state) = &self.0 else { return Err("this process has no log to change".to_owned()) };
        let text = text.trim();
        let wanted = if text.is_empty() { state.first.clone() } else { Some(text.to_owned()) };
        let parsed = filter::parse(wanted.as_deref(), state.crates)?;
        // The lock is held during the change, so that the text always belongs to the filter in use.
        let mut current = state.current.lock().unwrap_or_else(PoisonError::into_inner);
        (state.replace)(parsed)?;
        *current = wanted;
        Ok(())
    }
}

impl fmt::Debug for ControlState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ControlState").field("current", &self.current).finish_non_exhaustive()
    }
}
