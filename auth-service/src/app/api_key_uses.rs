//! Uses of API keys, gathered in memory: a use costs the database nothing.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::ApiKeyId;
use crate::store::{AuthStore, StoreError};

/// Age of a stored use at which a later use replaces it.
const USE_PRECISION: TimeDelta = TimeDelta::minutes(15);

/// API keys that were used since the last flush. Only existing keys enter, so their number is limited.
#[derive(Debug, Default)]
pub(crate) struct ApiKeyUses(Mutex<HashSet<ApiKeyId>>);

impl ApiKeyUses {
    /// Records a use.
    pub(crate) fn record(&self, id: ApiKeyId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
    }

    /// Stores the uses since the last flush, in batches. After a failure the next flush stores the rest.
    ///
    /// # Errors
    /// [`StoreError`]; then only some are stored.
    pub(crate) async fn flush(&self, store: &AuthStore, now: DateTime<Utc>) -> Result<(), StoreError> {
        let used = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let mut ids: Vec<ApiKeyId> = used.into_iter().collect();
        let stored = store.touch_api_keys(&mut ids, now, now - USE_PRECISION).await;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(ids);
        stored
    }
}
