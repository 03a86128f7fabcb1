//! The parts that all use cases share, grouped by subject.

use std::sync::Arc;

use gatepost::log::LogLimit;
use kit::Clock;
use kit::page::PageTokens;
use tokio::sync::Semaphore;

use super::attempts::Attempts;
use super::introspect::Introspector;
use super::issuing::Issuing;
use super::quotas::Quotas;
use super::revoker::Revoker;
use crate::audit::AuditSource;
use crate::domain::{Audiences, Grace, PasswordPolicy};
use crate::store::AuthStore;

/// Parts of the service, shared by all calls.
pub(crate) struct App {
    pub(crate) store: AuthStore,
    pub(crate) clock: Clock,
    pub(crate) audit: AuditSource,
    /// Permits of the streams of audit events.
    pub(crate) audit_watchers: Arc<Semaphore>,
    pub(crate) page_tokens: PageTokens,
    pub(crate) audiences: Audiences,
    /// Set if a registration returns tokens. Under closed registration an admin creates the user, and must not get the user's
    /// tokens.
    pub(crate) registration_logs_in: bool,
    /// Rules for new passwords.
    pub(crate) passwords: PasswordPolicy,
    pub(crate) attempts: Attempts,
    pub(crate) quotas: Quotas,
    pub(crate) issuing: Issuing,
    pub(crate) introspector: Introspector,
    pub(crate) revoker: Revoker,
    /// Limits within which a used refresh token is answered again.
    pub(crate) grace: Grace,
    /// Limit for log lines about refused refresh tokens: callers without an account can cause them.
    pub(crate) refused_refreshes: LogLimit,
}
