//! Domain rules, without wire and without database.

mod api_key;
mod attempts;
mod audience;
mod audit;
mod audit_kind;
mod email;
mod horizon;
mod ids;
mod name;
mod password;
mod password_policy;
mod password_reset;
mod refresh;
mod revocation;
mod role;
mod session;
mod signing_key;
mod strength;
mod user;

pub use api_key::{
    API_KEY_RETENTION, ApiKey, ApiKeyChange, ApiKeyDigest, ApiKeyExpiry, ApiKeySecret, ApiKeyState, ApiKeyVersion,
    MAX_API_KEYS, MAX_OVERLAP, NewApiKey, SecretCheck,
};
pub use attempts::{Allowance, AttemptLimits, Failures, network};
pub use audience::Audiences;
pub use audit::{
    Actor, AuditContext, AuditDetail, AuditEvent, AuditFilter, AuditRetention, NewAuditEvent, PlacedAuditEvent,
};
pub use audit_kind::AuditKind;
pub use email::{Email, EmailError};
pub use horizon::{Era, Horizon, PreviousEra};
pub use ids::{ApiKeyId, AuditEventId, SessionId, TokenId, UserId};
pub use name::{Name, NameError};
pub use password::{NewPassword, Password};
pub use password_policy::{PasswordError, PasswordPolicy};
pub use password_reset::{PasswordReset, ResetDigest};
pub use refresh::{Decision, Grace, KEPT_GENERATIONS, RefreshDigest, Rotation};
pub use revocation::{Cause, Entry, EntryFingerprint, LogId, Logged, Position, Revocation, Stamp};
pub use role::{Role, Roles};
pub use session::{Client, Expiry, Lifetimes, ListedSession, Session};
pub use signing_key::{KeySpans, KeyState, SigningKeyRecord, corrected_times, signing_at};
pub(crate) use strength::guesses;
pub use user::{LoginActivity, NewUser, User, UserChange, UserState};
