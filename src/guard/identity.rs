//! The caller, as the guard found out and as a handler reads it.

use std::ops::Deref;
use std::sync::Arc;
use std::time::SystemTime;

use tonic::Status;

use super::{CallParts, Refusal};

/// The audience for which the auth service issues tokens by default.
const AUDIENCE: &str = "gatepost";

/// The bearer of a verified token. The guard puts it into the extensions of each request that it lets in.
///
/// Its fields are those of [`IdentityClaims`]. A clone is a handle to the same claims and allocates nothing.
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
    /// The session that the token belongs to, a UUID; `None` for services.
    pub session: Option<String>,
    /// The services that the token is for.
    pub audiences: Vec<String>,
    /// The time at which the token expires; `None` for a service key, which does not.
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
    /// Tells whether the subject has this role.
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|held| held == role)
    }

    /// Tells whether the token is for this service.
    pub fn has_audience(&self, audience: &str) -> bool {
        self.audiences.iter().any(|one| one == audience)
    }
}

impl Identity {
    /// Returns the caller of a guarded method. The request is one of tonic or of the crate `http`.
    ///
    /// # Errors
    /// Fails with `UNAUTHENTICATED` if the call carried no token, which a method of the rule `Optional` sees; at a method of
    /// the rule `Public`, since the guard does not look at tokens there; and without a [`GuardLayer`](crate::GuardLayer).
    pub fn of<R: CallParts>(request: &R) -> Result<&Self, Status> {
        Self::find(request).ok_or_else(|| Refusal::TokenMissing.into())
    }

    /// Returns the caller, or `None` for an anonymous call.
    pub fn find<R: CallParts>(request: &R) -> Option<&Self> {
        request.extensions().get::<Self>()
    }

    /// Makes a user, without roles, for the audience `gatepost`, as a [`Verify`](crate::Verify) of one's own or a test needs
    /// it. The auth service's users have UUIDs for subjects.
    pub fn user(subject: impl Into<String>) -> Self {
        Self::new(subject.into(), SubjectKind::User)
    }

    /// Makes another backend service, without roles, for the audience `gatepost`.
    pub fn service(name: impl Into<String>) -> Self {
        Self::new(name.into(), SubjectKind::Service)
    }

    fn new(subject: String, kind: SubjectKind) -> Self {
        let (roles, audiences) = (Vec::new(), vec![AUDIENCE.to_owned()]);
        Self(Arc::new(IdentityClaims { subject, kind, roles, session: None, audiences, expire_time: None }))
    }

    /// Adds a role.
    #[must_use]
    pub fn role(self, role: impl Into<String>) -> Self {
        self.with(|claims| claims.roles.push(role.into()))
    }

    /// Adds roles.
    #[must_use]
    pub fn roles(self, roles: impl IntoIterator<Item = String>) -> Self {
        self.with(|claims| claims.roles.extend(roles))
    }

    /// Sets the session; its id is not the user's.
    #[must_use]
    pub fn session(self, id: impl Into<String>) -> Self {
        self.with(|claims| claims.session = Some(id.into()))
    }

    /// Sets the only audience.
    #[must_use]
    pub fn audience(self, audience: impl Into<String>) -> Self {
        self.with(|claims| claims.audiences = vec![audience.into()])
    }

    /// Sets all audiences.
    #[must_use]
    pub fn audiences(self, audiences: impl IntoIterator<Item = String>) -> Self {
        self.with(|claims| claims.audiences = audiences.into_iter().collect())
    }

    /// Sets the time at which the token expires.
    #[must_use]
    pub fn expire_time(self, time: impl Into<Option<SystemTime>>) -> Self {
        self.with(|claims| claims.expire_time = time.into())
    }

    fn with(mut self, change: impl FnOnce(&mut IdentityClaims)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }
}
