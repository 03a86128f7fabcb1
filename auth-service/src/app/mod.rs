//! Use cases in domain types. `rpc` calls them; they use store, tokens, passwords, view and feed.

mod accounts;
mod api_key_uses;
pub(crate) mod api_keys;
mod attempt_claim;
mod attempts;
pub(crate) mod audit;
mod caller;
mod denials;
mod introspect;
mod issuing;
pub(crate) mod login;
pub(crate) mod login_activity;
mod parts;
pub(crate) mod password;
pub(crate) mod password_reset;
mod quotas;
pub(crate) mod refresh;
mod refusal_delay;
pub(crate) mod register;
mod revoker;
pub(crate) mod sessions;
pub(crate) mod users;
pub(crate) mod watch;

pub(crate) use accounts::failure_accounts;
pub(crate) use api_key_uses::ApiKeyUses;
pub(crate) use attempts::Attempts;
pub(crate) use audit::MAX_AUDIT_WATCHERS;
pub(crate) use caller::{Caller, OperatorCall};
pub(crate) use denials::{Denial, DenialClass, Denials};
pub(crate) use introspect::{Introspector, KnownService, VerifiedApiKey, VerifiedBearer};
pub(crate) use issuing::{Issuing, SessionTokens};
pub(crate) use parts::App;
pub(crate) use quotas::Quotas;
pub(crate) use refusal_delay::RefusalDelay;
pub(crate) use revoker::Revoker;
