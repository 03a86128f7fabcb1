//! The caller of a use case, and the rules about other users' data.

use gatepost::{Identity, Rejection, SubjectKind};

use crate::domain::{ApiKeyId, Role, SessionId, UserId};
use crate::error::AuthError;
use crate::store::AuthStore;

/// Mark of a request that the operator makes in this process, directly on the database. No request from a network has
/// it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OperatorCall;

/// Bearer of the call's token.
#[derive(Clone, Copy)]
pub(crate) struct Caller {
    /// Calling user; `None` for a service and for the operator.
    user: Option<CallingUser>,
    /// API key of a service.
    api_key: Option<ApiKeyId>,
    /// Set for an admin: a user, a service by its API key, or the operator.
    is_admin: bool,
    is_operator: bool,
}

/// Calling user, with the session of the call's token.
#[derive(Clone, Copy)]
struct CallingUser {
    id: UserId,
    session: SessionId,
}

impl Caller {
    /// Reads the caller from the identity that the guard provides.
    pub(crate) fn new(identity: &Identity) -> Result<Self, AuthError> {
        let mut api_key = None;
        let user = match identity.kind {
            SubjectKind::User => {
                let session = identity.session.as_deref().and_then(|id| id.parse().ok());
                let (id, session) =
                    identity.subject.parse().ok().zip(session).ok_or(AuthError::Refused(Rejection::NotAllowed))?;
                Some(CallingUser { id, session })
            }
            SubjectKind::Service => {
                api_key = identity.subject.parse().ok();
                None
            }
            _ => return Err(AuthError::Refused(Rejection::NotAllowed)),
        };
        Ok(Self { user, api_key, is_admin: identity.has_role(Role::ADMIN), is_operator: false })
    }

    /// Returns the operator, who may do all that an admin may, but is no user.
    pub(crate) fn operator(_: OperatorCall) -> Self {
        Self { user: None, api_key: None, is_admin: true, is_operator: true }
    }

    /// Returns the calling user; fails for a service.
    pub(crate) fn user(self) -> Result<UserId, AuthError> {
        self.user.map(|user| user.id).ok_or(AuthError::Refused(Rejection::NotAllowed))
    }

    /// Returns the id of the user or the API key; `None` for a service without an id.
    pub(super) fn id(self) -> Option<String> {
        self.user.map(|user| user.id.to_string()).or_else(|| self.api_key.map(|key| key.to_string()))
    }

    /// Fails unless the caller is a service.
    pub(crate) fn require_service(self) -> Result<(), AuthError> {
        if self.user.is_none() && !self.is_operator { Ok(()) } else { Err(AuthError::Refused(Rejection::NotAllowed)) }
    }

    /// Fails unless the caller is an admin, or the operator.
    pub(crate) fn require_admin(self) -> Result<(), AuthError> {
        if self.is_admin() { Ok(()) } else { Err(AuthError::Refused(Rejection::NotAllowed)) }
    }

    /// Fails unless the caller is a user who is an admin, or the operator.
    pub(crate) fn require_admin_user(self) -> Result<(), AuthError> {
        self.require_admin().and_then(|()| if self.is_operator { Ok(()) } else { self.user().map(drop) })
    }

    /// Returns the session of the call's token.
    pub(crate) fn session(self) -> Option<SessionId> {
        self.user.map(|user| user.session)
    }

    pub(super) fn is_admin(self) -> bool {
        self.is_admin
    }

    /// Returns `true` if the caller may see and change all of this user's data.
    pub(crate) fn owns(self, user: UserId) -> bool {
        self.is_admin || self.user.is_some_and(|own| own.id == user)
    }

    /// Checks that the user exists, then that the caller owns the user's data. Every caller may learn that a user exists.
    pub(super) async fn reach(self, store: &AuthStore, user: UserId) -> Result<(), AuthError> {
        if store.user(user).await?.is_none() {
            return Err(AuthError::UserNotFound(user.to_string()));
        }
        if self.owns(user) { Ok(()) } else { Err(AuthError::Refused(Rejection::NotAllowed)) }
    }
}
