//! The caller as the guard verified it and as a handler reads it.

use std::ops::Deref;
use std::sync::Arc;
use std::time::SystemTime;

use tonic::Status;

use super::{CallParts, Rejection};

/// The default audience of the auth service's tokens.
const DEFAULT_AUDIENCE: &str = "gatepost";

/// The bearer of a verified token. The guard puts it into the extensions of each admitted request.
///
/// [`IdentityClaims`] has the fields. A clone shares them and allocates nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity(Arc<IdentityClaims>);

/// The facts about a caller.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct IdentityClaims {
    /// The user's id, a UUID, or the service's name.
    pub subject: String,
    /// The kind of the subject.
    pub kind: SubjectKind,
    /// The subject's roles when the token was issued.
    pub roles: Vec<String>,
    /// The id of the token's session, a UUID; `None` for services.
    pub session: Option<String>,
    /// The audiences of the token: the services that accept it.
    pub audiences: Vec<String>,
    /// The expiry of the token; `None` for a service key, which does not expire.
    pub expire_time: Option<SystemTime>,
}

/// The kind of a token's subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubjectKind {
    /// A user of the auth service.
    User,
    /// Another backend service.
    Service,
}

impl Deref for Identity {
    type Target = IdentityClaims;

    fn deref(&self) -> &IdentityClaims {
        &self.0
    }
}

impl IdentityClaims {
    /// Returns true if the subject has this role.
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|held| held == role)
    }

    /// Returns true if the token is for this audience.
    pub fn has_audience(&self, audience: &str) -> bool {
        self.audiences.iter().any(|one| one == audience)
    }
}

impl Identity {
    /// Returns the caller of a guarded method. Takes requests of tonic and of the crate `http`.
    ///
    /// # Errors
    /// Fails with `UNAUTHENTICATED` (`TOKEN_MISSING`) for an anonymous call, for a method with the rule `Public`, and
    /// without a [`GuardLayer`](crate::GuardLayer).
    pub fn from_request<R: CallParts>(request: &R) -> Result<&Self, Status> {
        Self::find(request).ok_or_else(|| Rejection::TokenMissing.into())
    }

    /// Returns the caller, or `None` for an anonymous call.
    pub fn find<R: CallParts>(request: &R) -> Option<&Self> {
        request.extensions().get::<Self>()
    }

    /// Creates a user without roles, with the audience `gatepost`. Tests and [`Verify`](crate::Verify) implementations
    /// use it. Subjects of the auth service's users are UUIDs.
    pub fn user(subject: impl Into<String>) -> Self {
        Self::new(subject.into(), SubjectKind::User)
    }

    /// Creates a backend service without roles, with the audience `gatepost`.
    pub fn service(name: impl Into<String>) -> Self {
        Self::new(name.into(), SubjectKind::Service)
    }

    fn new(subject: String, kind: SubjectKind) -> Self {
        let (roles, audiences) = (Vec::new(), vec![DEFAULT_AUDIENCE.to_owned()]);
        Self(Arc::new(IdentityClaims { subject, kind, roles, session: None, audiences, expire_time: None }))
    }

    /// Adds a role.
    #[must_use]
    pub fn role(self, role: impl Into<String>) -> Self {
        self.update(|claims| claims.roles.push(role.into()))
    }

    /// Adds roles.
    #[must_use]
    pub fn roles(self, roles: impl IntoIterator<Item = String>) -> Self {
        self.update(|claims| claims.roles.extend(roles))
    }

    /// Sets the session's id. It differs from the user's id.
    #[must_use]
    pub fn session(self, id: impl Into<String>) -> Self {
        self.update(|claims| claims.session = Some(id.into()))
    }

    /// Replaces all audiences by this one.
    #[must_use]
    pub fn audience(self, audience: impl Into<String>) -> Self {
        self.update(|claims| claims.audiences = vec![audience.into()])
    }

    /// Replaces all audiences.
    #[must_use]
    pub fn audiences(self, audiences: impl IntoIterator<Item = String>) -> Self {
        self.update(|claims| claims.audiences = audiences.into_iter().collect())
    }

    /// Sets the expiry of the token.
    #[must_use]
    pub fn expire_time(self, time: impl Into<Option<SystemTime>>) -> Self {
        self.update(|claims| claims.expire_time = time.into())
    }

    fn update(mut self, change: impl FnOnce(&mut IdentityClaims)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }
}
