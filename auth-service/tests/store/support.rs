//! A store on a temporary database, and rows for it.

use std::time::Duration;

use auth_service::domain::{
    Actor, Allowance, AttemptLimits, AuditEventId, AuditKind, Client, Email, EntryFingerprint, Name, NewAuditEvent,
    NewUser, RefreshDigest, Roles, Session, SessionId, Stamp, UserId,
};
use auth_service::store::{AccountDigest, AuthStore, FirstSession, WrongPassword};
use chrono::{DateTime, TimeDelta, Utc};
use testkit::start;

use super::opens::Opens;

pub(crate) type Case = testkit::StoreCase<Opens>;

pub(crate) fn new_user(id: u128, email: &str) -> NewUser {
    NewUser {
        id: UserId::from_u128(id),
        name: Name::parse("Ada").unwrap(),
        email: Email::parse(email).unwrap(),
        password_hash: "$argon2id$".into(),
        roles: Roles::default(),
        create_time: start(),
    }
}

/// Returns a further admin, so that the admins of a test case are never the last ones.
pub(crate) fn another_admin() -> NewUser {
    NewUser { roles: Roles::admin(), ..new_user(4_000, "root@example.com") }
}

pub(crate) fn session(id: u128, user: &NewUser) -> Session {
    Session {
        id: SessionId::from_u128(id),
        user_id: user.id,
        generation: 1,
        create_time: start(),
        expire_time: start() + Duration::from_hours(24 * 30),
        refresh_digest: Some(RefreshDigest([7; 32])),
        idle_expire_time: start() + Duration::from_hours(24 * 7),
        over_time: start() + Duration::from_hours(24 * 7),
    }
}

/// Returns the session as the first one of its user, of an unknown client.
pub(crate) fn starting(session: &Session) -> FirstSession<'_> {
    const CLIENT: &Client = &Client { peer: String::new(), user_agent: String::new() };
    FirstSession { session, client: CLIENT }
}

/// Returns the log's stamp of a revocation at this time.
pub(crate) fn stamp_at(time: DateTime<Utc>) -> Stamp {
    Stamp { fingerprint: EntryFingerprint(kit::random::bytes()), time }
}

pub(crate) fn stamp() -> Stamp {
    stamp_at(start())
}

/// Returns `true` if this user has this session, and the session has not ended.
pub(crate) async fn lives(store: &AuthStore, user_id: UserId, session_id: SessionId) -> bool {
    let found = store.refreshable(session_id).await.unwrap();
    found.is_some_and(|found| found.user.id == user_id && !found.is_ended)
}

/// Returns an event for a change whose event does not matter.
pub(crate) fn event() -> NewAuditEvent {
    event_at(start())
}

/// Returns an event at this time.
pub(crate) fn event_at(time: DateTime<Utc>) -> NewAuditEvent {
    let id = AuditEventId::from_u128(u128::from_be_bytes(kit::random::bytes()));
    NewAuditEvent::new(id, time, AuditKind::UserCreated, Actor::System.into())
}

/// Returns a wrong password of these accounts, from an address with this allowance.
pub(crate) fn wrong(accounts: &[AccountDigest], allowance: Allowance) -> WrongPassword {
    let limits = AttemptLimits {
        free_failures: 1_000,
        max_delay: TimeDelta::minutes(15),
        lock_after: 2_000,
        failures: allowance,
        sign_ups: allowance,
        leeway: TimeDelta::zero(),
    };
    WrongPassword { accounts: accounts.to_vec(), claimed: None, limits, failed: event(), locked: Some(event()) }
}
