//! The parts that use cases share, grouped by subject.

use gatepost::log::LogLimit;
use kit::Clock;
use kit::page::PageTokens;

use super::attempts::Attempts;
use super::introspect::Introspector;
use super::issuing::Issuing;
use super::quotas::Quotas;
use super::revoker::Revoker;
use crate::domain::{Audiences, Grace, PasswordPolicy};
use crate::store::Store;

/// The service's parts, shared by all calls.
pub(crate) struct App {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) page_tokens: PageTokens,
    pub(crate) audiences: Audiences,
    /// Set if a registration logs in. Closed registration lets in only an admin, who is not to hold the new user's tokens.
    pub(crate) registration_logs_in: bool,
    /// The rules of a new password.
    pub(crate) passwords: PasswordPolicy,
    pub(crate) attempts: Attempts,
    pub(crate) quotas: Quotas,
    pub(crate) issuing: Issuing,
    pub(crate) introspector: Introspector,
    pub(crate) revoker: Revoker,
    /// The limits within which a refresh token may be presented once more.
    pub(crate) grace: Grace,
    /// Limit for the lines about refused refresh tokens: callers without an account can send them.
    pub(crate) refused_refreshes: LogLimit,
}
