//! Changes of users.

use auth_service::domain::{Client, Role, Roles, Session, User, UserChange, UserId, UserState};
use auth_service::store::{PasswordProof, Unchanged};

use super::super::calls::{Answer, ChangeCall, Time};
use super::{Model, Row};

impl Model {
    pub(super) fn answer_changes(&mut self, call: &ChangeCall) -> Answer {
        match call {
            ChangeCall::Update { id, change, proof, expected, now } => {
                Answer::Changed(self.update_user(*id, change, *proof, *expected, *now))
            }
            ChangeCall::SetRoles { id, roles, expected, now } => {
                let (stays, others) = (roles.words().contains(&Role::ADMIN), self.has_another_admin(*id));
                Answer::Changed(self.changeable(*id, *expected).and_then(|row| {
                    let is_last = row.is_active_admin() && !stays && !others;
                    if is_last { Err(Unchanged::LastAdmin) } else { Ok(row.set_roles(roles, *now)) }
                }))
            }
            ChangeCall::SetState { id, state, expected, now } => {
                let (stays, others) = (*state == UserState::Active, self.has_another_admin(*id));
                Answer::Changed(self.changeable(*id, *expected).and_then(|row| {
                    let is_last = row.is_active_admin() && !stays && !others;
                    if is_last { Err(Unchanged::LastAdmin) } else { Ok(row.set_state(*state, *now)) }
                }))
            }
            ChangeCall::ChangePassword { generation, password_hash, session, client } => {
                Answer::User(self.change_password(*generation, password_hash, session, client))
            }
            ChangeCall::EndAllSessions { user_id } => {
                Answer::Was(self.users.get_mut(user_id).map(Row::end_sessions).is_some())
            }
            ChangeCall::Delete { id, expected, now: _ } => Answer::Deleted(self.delete_user(*id, *expected)),
        }
    }

    /// Returns the user if the change is for this revision.
    fn changeable(&mut self, id: UserId, expected: Option<i32>) -> Result<&mut Row, Unchanged> {
        let row = self.users.get_mut(&id).ok_or(Unchanged::NotFound)?;
        if expected.is_some_and(|expected| row.user.revision != expected) { Err(Unchanged::Stale) } else { Ok(row) }
    }

    fn has_another_admin(&self, id: UserId) -> bool {
        self.users.iter().any(|(other, row)| *other != id && row.is_active_admin())
    }

    fn update_user(
        &mut self,
        id: UserId,
        change: &UserChange,
        proof: Option<PasswordProof>,
        expected: Option<i32>,
        now: Time,
    ) -> Result<User, Unchanged> {
        if let Some(PasswordProof { user_id, generation }) = proof
            && self.users.get(&user_id).is_none_or(|row| row.user.generation != generation)
        {
            return Err(Unchanged::Outdated);
        }
        let is_taken = change.email.as_ref().is_some_and(|email| self.is_taken(email.key(), id));
        let row = self.changeable(id, expected)?;
        if is_taken {
            return Err(Unchanged::EmailTaken);
        }
        if let Some(name) = &change.name {
            name.as_str().clone_into(&mut row.user.name);
        }
        if let Some(email) = &change.email {
            email.as_str().clone_into(&mut row.user.email);
            email.key().clone_into(&mut row.email_key);
        }
        Ok(row.written(now))
    }

    fn change_password(
        &mut self,
        generation: i32,
        password_hash: &str,
        session: &Session,
        client: &Client,
    ) -> Option<User> {
        let row = self.users.get_mut(&session.user_id)?;
        if row.user.generation != generation || row.user.state == UserState::Disabled {
            return None;
        }
        password_hash.clone_into(&mut row.password_hash);
        row.end_sessions();
        let user = row.user.clone();
        self.begin(session, client);
        Some(user)
    }

    fn delete_user(&mut self, id: UserId, expected: Option<i32>) -> Result<(), Unchanged> {
        let others = self.has_another_admin(id);
        if self.changeable(id, expected)?.is_active_admin() && !others {
            return Err(Unchanged::LastAdmin);
        }
        self.users.remove(&id);
        self.sessions.retain(|_, begun| begun.session.user_id != id);
        Ok(())
    }
}

impl Row {
    fn is_active_admin(&self) -> bool {
        self.user.state == UserState::Active && self.user.roles.words().contains(&Role::ADMIN)
    }

    fn set_roles(&mut self, roles: &Roles, now: Time) -> User {
        if self.user.roles == *roles {
            return self.user.clone();
        }
        let given = roles.words();
        if self.user.roles.words().iter().any(|role| !given.contains(role)) {
            self.user.generation += 1;
        }
        self.user.roles = roles.clone();
        self.written(now)
    }

    fn set_state(&mut self, state: UserState, now: Time) -> User {
        if self.user.state == state {
            return self.user.clone();
        }
        if state == UserState::Disabled {
            self.end_sessions();
        }
        self.user.state = state;
        self.written(now)
    }

    /// Kills all earlier sessions and tokens.
    fn end_sessions(&mut self) {
        self.user.generation += 1;
        self.sessions_since = self.user.generation;
    }

    fn written(&mut self, now: Time) -> User {
        self.user.revision += 1;
        self.user.update_time = now;
        self.user.clone()
    }
}
