//! Identities as a test wants them.

use std::time::SystemTime;

use crate::{Identity, SubjectKind};

/// The audience for which the auth service issues tokens by default.
const AUDIENCE: &str = "gatepost";

/// For tests (feature `testing`): whom a token is issued for.
impl Identity {
    /// A user, without roles, for the audience `gatepost`. The auth service's users have UUIDs for subjects.
    pub fn user(subject: impl Into<String>) -> Self {
        Self {
            subject: subject.into(),
            kind: SubjectKind::User,
            roles: Vec::new(),
            session: None,
            audiences: vec![AUDIENCE.to_owned()],
            expire_time: None,
        }
    }

    /// Another backend service, without roles, for the audience `gatepost`.
    pub fn service(name: impl Into<String>) -> Self {
        Self { kind: SubjectKind::Service, ..Self::user(name) }
    }

    /// With this role, too.
    #[must_use]
    pub fn role(mut self, role: impl Into<String>) -> Self {
        self.roles.push(role.into());
        self
    }

    /// In this session; its id is no user's.
    #[must_use]
    pub fn session(self, id: impl Into<String>) -> Self {
        Self { session: Some(id.into()), ..self }
    }

    /// Names this audience alone.
    #[must_use]
    pub fn audience(self, audience: impl Into<String>) -> Self {
        Self { audiences: vec![audience.into()], ..self }
    }

    /// Until this time.
    #[must_use]
    pub fn expire_time(self, time: SystemTime) -> Self {
        Self { expire_time: Some(time), ..self }
    }
}
