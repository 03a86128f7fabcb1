//! What one broken connection says about the others: those that are older will be broken, too.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// When a connection was last found broken.
#[derive(Clone, Debug, Default)]
pub(super) struct Suspicion(Arc<Mutex<Option<Instant>>>);

impl Suspicion {
    /// A connection has been found broken, now.
    pub(super) fn raise(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Whether a connection of this age was made before that.
    pub(super) fn covers(&self, age: Duration) -> bool {
        let found = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        found.is_some_and(|found| age >= found.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_there_before_the_fault_is_suspect() {
        let suspicion = Suspicion::default();
        assert!(!suspicion.covers(Duration::MAX));
        suspicion.raise();
        assert!(suspicion.covers(Duration::from_mins(1)));
        assert!(!suspicion.covers(Duration::ZERO));
    }
}
