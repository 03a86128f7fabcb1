//! Row ids: `UUIDv7`, so that a later row has a greater id (RFC 9562 §5.7).

use std::sync::Mutex;

use uuid::timestamp::context::ContextV7;
use uuid::{Timestamp, Uuid};

use crate::Clock;

/// Generator of ids. Each id is greater than the one before, also within one millisecond.
#[derive(Debug)]
pub struct Ids {
    clock: Clock,
    context: Mutex<ContextV7>,
}

impl Ids {
    /// Creates a generator that reads this clock.
    pub fn new(clock: Clock) -> Self {
        Self { clock, context: Mutex::new(ContextV7::new()) }
    }

    /// Returns a new id of this type. Ids can be guessed; secrets come from `random`.
    pub fn next<Id: From<Uuid>>(&self) -> Id {
        let now = self.clock.now();
        let seconds = u64::try_from(now.timestamp()).unwrap_or_default();
        Uuid::new_v7(Timestamp::from_unix(&self.context, seconds, now.timestamp_subsec_nanos())).into()
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    const START: i64 = 1_700_000_000;

    /// C20: ids stay unique and rise while the clock stands still.
    #[test]
    fn million_ids_of_ten_replicas_are_unique() {
        // Replicas share nothing but the time of day.
        let mut drawn = Vec::with_capacity(1_000_000);
        for _ in 0..10 {
            let ids = Ids::new(Clock::manual(DateTime::from_timestamp(START, 0).unwrap()));
            let first = drawn.len();
            drawn.extend((0..100_000).map(|_| ids.next::<Uuid>()));
            assert!(drawn[first..].is_sorted_by(|one, next| one < next));
        }
        drawn.sort_unstable();
        drawn.dedup();
        assert_eq!(drawn.len(), 1_000_000);
    }
}
