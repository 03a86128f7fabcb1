//! Row types that several statements share.

use sqlx::FromRow;

use super::Time;
use crate::domain::{RefreshDigest, Roles, User, UserId, UserState};

/// Row of the users table, without private columns.
#[derive(FromRow)]
pub(super) struct UserRow {
    pub(super) id: UserId,
    pub(super) name: String,
    pub(super) email: String,
    pub(super) roles: String,
    pub(super) state: String,
    pub(super) generation: i32,
    pub(super) revision: i32,
    pub(super) create_time: Time,
    pub(super) update_time: Time,
}

impl From<UserRow> for User {
    fn from(row: UserRow) -> Self {
        let UserRow { id, name, email, roles, state: text, generation, revision, create_time, update_time } = row;
        let (roles, state) = (Roles::from_text(&roles), state(&text));
        Self { id, name, email, roles, state, generation, revision, create_time, update_time }
    }
}

/// Returns the word for a state.
pub(super) fn state_text(state: UserState) -> &'static str {
    match state {
        UserState::Active => "active",
        UserState::Disabled => "disabled",
    }
}

/// Parses a state. An unknown state, from a later version, counts as disabled.
fn state(text: &str) -> UserState {
    if text == "active" { UserState::Active } else { UserState::Disabled }
}

/// Returns the digests of refresh tokens in a row.
pub(super) fn digests(bytes: &[u8]) -> impl Iterator<Item = RefreshDigest> {
    bytes.chunks_exact(32).filter_map(|digest| digest.try_into().ok()).map(RefreshDigest)
}
