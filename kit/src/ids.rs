//! Ids of rows: `UUIDv7`, so that a later row has a greater id (RFC 9562 §5.7).

use std::sync::Mutex;

use uuid::timestamp::context::ContextV7;
use uuid::{Timestamp, Uuid};

use crate::Clock;

/// Draws ids, each greater than the one before, also within one millisecond.
#[derive(Debug)]
pub struct Ids {
    clock: Clock,
    context: Mutex<ContextV7>,
}

impl Ids {
    /// Draws ids by this clock.
    pub fn new(clock: Clock) -> Self {
        Self { clock, context: Mutex::new(ContextV7::new()) }
    }

    /// A new id. It is no secret: whatever must not be guessed is drawn elsewhere.
    pub fn next(&self) -> Uuid {
        let now = self.clock.now();
        let seconds = u64::try_from(now.timestamp()).unwrap_or_default();
        Uuid::new_v7(Timestamp::from_unix(&self.context, seconds, now.timestamp_subsec_nanos()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use chrono::DateTime;

    use super::*;

    #[test]
    fn ids_rise_while_the_clock_stands() {
        let ids = Ids::new(Clock::manual(DateTime::from_timestamp(1_700_000_000, 0).unwrap()));
        let drawn: Vec<_> = (0..10_000).map(|_| ids.next()).collect();
        assert!(drawn.is_sorted());
        assert_eq!(drawn.iter().collect::<BTreeSet<_>>().len(), drawn.len());
    }
}
