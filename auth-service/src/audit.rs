//! Source of audit events: gives each one its id and time.

use std::sync::Arc;

use kit::Clock;
use kit::ids::Ids;

use crate::domain::{AuditContext, AuditKind, NewAuditEvent};

/// Source of new audit events.
#[derive(Clone, Debug)]
pub(crate) struct AuditSource {
    clock: Clock,
    ids: Arc<Ids>,
}

impl AuditSource {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { ids: Arc::new(Ids::new(clock.clone())), clock }
    }

    /// Returns an event that happens now.
    pub(crate) fn event(&self, kind: AuditKind, context: impl Into<AuditContext>) -> NewAuditEvent {
        NewAuditEvent::new(self.ids.next(), self.clock.now(), kind, context.into())
    }
}
