//! Who calls, as far as the rules about other people's data care.

use std::borrow::Cow;

use gatepost::{Identity, Rejection, SubjectKind};
use tonic::Request;
use uuid::Uuid;

use crate::convert;
use crate::domain::Role;
use crate::error::Error;
use crate::state::State;

/// What stands for the caller wherever a user's id does.
const ME: &str = "me";

/// The bearer of the call's token.
#[derive(Clone, Copy)]
pub(super) struct Caller {
    /// The user's id and the session's; `None` for a service.
    user: Option<(Uuid, Uuid)>,
    is_admin: bool,
}

impl Caller {
    /// The caller of a method that the policy lets nobody call without a token.
    pub(super) fn of<T>(request: &Request<T>) -> Result<Self, Error> {
        let identity = Identity::find(request).ok_or(Error::Refused(Rejection::TokenMissing))?;
        let user = match identity.kind {
            SubjectKind::User => {
                let session = identity.session.as_deref().and_then(|id| id.parse().ok());
                Some(identity.subject.parse().ok().zip(session).ok_or(Error::Refused(Rejection::NotAllowed))?)
            }
            SubjectKind::Service => None,
            _ => return Err(Error::Refused(Rejection::NotAllowed)),
        };
        Ok(Self { user, is_admin: user.is_some() && identity.has_role(Role::ADMIN) })
    }

    /// The calling user; a service is none.
    pub(super) fn user(self) -> Result<Uuid, Error> {
        self.user.map(|(user, _)| user).ok_or(Error::Refused(Rejection::NotAllowed))
    }

    /// Lets in services alone.
    pub(super) fn must_be_a_service(self) -> Result<(), Error> {
        if self.user.is_none() { Ok(()) } else { Err(Error::Refused(Rejection::NotAllowed)) }
    }

    /// The session of the call's token.
    pub(super) fn session(self) -> Option<Uuid> {
        self.user.map(|(_, session)| session)
    }

    pub(super) fn is_admin(self) -> bool {
        self.is_admin
    }

    /// Whether the caller may see and change all of this user's data.
    pub(super) fn owns(self, user: Uuid) -> bool {
        self.is_admin || self.user.is_some_and(|(own, _)| own == user)
    }

    /// Lets in whoever may see and change all of this user's data.
    fn must_own(self, user: Uuid) -> Result<(), Error> {
        if self.owns(user) { Ok(()) } else { Err(Error::Refused(Rejection::NotAllowed)) }
    }

    /// Existence, then ownership: a user whom everybody can see is not hidden from whoever may not change it.
    pub(super) async fn reach(self, state: &State, user: Uuid) -> Result<(), Error> {
        if state.store.user(user).await?.is_none() {
            return Err(Error::UserNotFound(user.to_string()));
        }
        self.must_own(user)
    }

    /// The user that a request names by id or by `me`.
    pub(super) fn named(self, field: impl Into<Cow<'static, str>>, text: &str) -> Result<Uuid, Error> {
        if text == ME {
            return self.user();
        }
        text.parse().map_err(|_| convert::violation(field, "must be a UUID, or `me` for the caller"))
    }
}
