//! Kinds of audit events, with their stored texts.

/// Declares the kinds with the text of each, so that no kind lacks one.
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident => $text:literal,)*) => {
        /// Kind of an audit event.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum AuditKind {
            $($(#[$doc])* $kind,)*
        }

        impl AuditKind {
            /// All kinds.
            pub const ALL: &[Self] = &[$(Self::$kind,)*];

            /// Returns the stored text, which the log line shows, too.
            pub const fn text(self) -> &'static str {
                match self {
                    $(Self::$kind => $text,)*
                }
            }
        }
    };
}

kinds! {
    /// User was created.
    UserCreated => "user_created",
    /// Login succeeded.
    LoginSucceeded => "login_succeeded",
    /// Login failed.
    LoginFailed => "login_failed",
    /// User failed to prove the own password.
    PasswordCheckFailed => "password_check_failed",
    /// Account must wait after wrong passwords.
    AccountLocked => "account_locked",
    /// Old refresh token was used again.
    RefreshTokenReused => "refresh_token_reused",
    /// User logged out.
    LoggedOut => "logged_out",
    /// Session was ended.
    SessionRevoked => "session_revoked",
    /// All sessions of a user were ended.
    AllSessionsRevoked => "all_sessions_revoked",
    /// Password was changed or set.
    PasswordChanged => "password_changed",
    /// Code for a new password was issued.
    PasswordResetIssued => "password_reset_issued",
    /// Password was set with a code.
    PasswordResetCompleted => "password_reset_completed",
    /// Code for a new password was refused.
    PasswordResetFailed => "password_reset_failed",
    /// Wrong passwords of a user were forgotten.
    UserUnlocked => "user_unlocked",
    /// Email address was changed.
    EmailChanged => "email_changed",
    /// Roles were changed.
    RolesChanged => "roles_changed",
    /// User was disabled.
    UserDisabled => "user_disabled",
    /// User was enabled.
    UserEnabled => "user_enabled",
    /// User was deleted.
    UserDeleted => "user_deleted",
    /// Signing key was added.
    SigningKeyAdded => "signing_key_added",
    /// Signing key was retired before its time.
    SigningKeyRetired => "signing_key_retired",
    /// Signing keys were sealed with another master key.
    SigningKeysResealed => "signing_keys_resealed",
    /// Configured secret that signs was replaced.
    SecretKeyReplaced => "secret_key_replaced",
    /// Configured issuer was changed.
    IssuerChanged => "issuer_changed",
    /// API key was created.
    ApiKeyCreated => "api_key_created",
    /// Name, roles or expiry of an API key was changed.
    ApiKeyUpdated => "api_key_updated",
    /// API key got a new secret.
    ApiKeyRotated => "api_key_rotated",
    /// API key was revoked.
    ApiKeyRevoked => "api_key_revoked",
    /// Database has lost commits, and everything that they may have ended was ended.
    CommitsLost => "commits_lost",
    /// Guard of the service refused a call.
    CallDenied => "call_denied",
}

impl AuditKind {
    /// Returns the kind with this text; `None` for a kind of a later version.
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.text() == text)
    }

    /// Returns true if an operator should look at each such event.
    pub const fn is_alarming(self) -> bool {
        matches!(
            self,
            Self::AccountLocked
                | Self::RefreshTokenReused
                | Self::SigningKeyRetired
                | Self::SecretKeyReplaced
                | Self::IssuerChanged
                | Self::CommitsLost
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_own_text() {
        for kind in AuditKind::ALL {
            assert_eq!(AuditKind::from_text(kind.text()), Some(*kind));
        }
        assert_eq!(AuditKind::from_text("moon_landed"), None, "a kind of a later version");
    }
}
