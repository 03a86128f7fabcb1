//! A store on a database that vanishes, and rows for it.

use std::time::Duration;

use auth_service::domain::{Email, Name, NewUser, Roles, Session};
use kit::testing::start;
use uuid::Uuid;

use super::opens::Opens;

pub(crate) type Case = kit::testing::Case<Opens>;

pub(crate) fn new_user(id: u128, email: &str) -> NewUser {
    NewUser {
        id: Uuid::from_u128(id),
        name: Name::parse("Ada").unwrap(),
        email: Email::parse(email).unwrap(),
        password_hash: "$argon2id$".into(),
        roles: Roles::default(),
        create_time: start(),
    }
}

pub(crate) fn session(id: u128, user: &NewUser) -> Session {
    Session {
        id: Uuid::from_u128(id),
        user_id: user.id,
        generation: 1,
        create_time: start(),
        expire_time: start() + Duration::from_hours(24 * 30),
    }
}
