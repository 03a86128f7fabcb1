//! Levels of the pool for its metrics.

use super::Pool;
use crate::measures::{PoolLevels, PoolMeasure};

impl Pool {
    /// Returns the connections of this moment, and the calls that wait for one.
    pub(in crate::postgres) fn measure(&self, name: &'static str) -> PoolMeasure<'_> {
        let mut state = self.state();
        let (idle, used) = (state.idle.len(), state.in_use);
        let others = state.permits.saturating_sub(idle + used);
        let levels = PoolLevels { idle, used, others, limit: self.0.limits.connections };
        PoolMeasure { name, levels: Some(levels), waiting: Some(state.waiting.len()), waits: Some(&self.0.waits) }
    }
}
