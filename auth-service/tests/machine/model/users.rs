//! Adding and finding users.

use auth_service::domain::{Client, NewUser, Rotation, Session, User, UserId, UserState};
use auth_service::store::{Created, Filter};
use kit::request_id::{REQUEST_ID_LIFETIME, RequestKey};

use super::super::calls::{Answer, UserCall};
use super::{Begun, Model, Request, Row};

impl Model {
    pub(super) fn answer_users(&mut self, call: &UserCall) -> Answer {
        match call {
            UserCall::Create { new, first, request } => {
                Answer::Created(self.create_user(new, first.as_deref(), request.as_ref()))
            }
            UserCall::User { id } => Answer::User(self.users.get(id).map(|row| row.user.clone())),
            UserCall::Users { ids } => {
                let wanted = self.users.values().filter(|row| ids.contains(&row.user.id));
                Answer::Users(wanted.map(|row| row.user.clone()).collect())
            }
            UserCall::CredentialsOf { id } => Answer::Credentials(self.users.get(id).map(Row::credentials)),
            UserCall::Credentials { email_key } => {
                let found = self.users.values().find(|row| row.email_key == *email_key);
                Answer::Credentials(found.map(Row::credentials))
            }
            UserCall::List { filter, after, limit } => {
                let older = self.users.values().rev().filter(|row| after.is_none_or(|after| row.user.id < after));
                let wanted = older.filter(|row| row.is_wanted(filter)).take(*limit as usize);
                Answer::Users(wanted.map(|row| row.user.clone()).collect())
            }
        }
    }

    fn create_user(
        &mut self,
        new: &NewUser,
        first: Option<&(Session, Client)>,
        request: Option<&RequestKey>,
    ) -> Created {
        let request = request.map(|key| ((key.caller.clone(), key.method, key.id), key.fingerprint));
        if let Some((id, _)) = &request
            && self.requests.get(id).is_some_and(|earlier| new.create_time - earlier.time < REQUEST_ID_LIFETIME)
        {
            return Created::Repeated;
        }
        if self.is_taken(new.email.key(), new.id) {
            return Created::EmailTaken;
        }
        let user = User {
            id: new.id,
            name: new.name.as_str().to_owned(),
            email: new.email.as_str().to_owned(),
            roles: new.roles.clone(),
            state: UserState::Active,
            generation: 1,
            revision: 1,
            create_time: new.create_time,
            update_time: new.create_time,
        };
        let (email_key, password_hash) = (new.email.key().to_owned(), new.password_hash.clone());
        self.users.insert(new.id, Row { user: user.clone(), email_key, password_hash, sessions_since: 1 });
        if let Some((session, client)) = first {
            self.begin(session, client);
        }
        if let Some((id, fingerprint)) = request {
            self.requests.insert(id, Request { fingerprint, resource: new.id, time: new.create_time });
        }
        Created::User(Box::new(user))
    }

    pub(super) fn is_taken(&self, email_key: &str, by_another_than: UserId) -> bool {
        self.users.values().any(|row| row.email_key == email_key && row.user.id != by_another_than)
    }

    pub(super) fn begin(&mut self, session: &Session, client: &Client) {
        let rotation = Rotation {
            generation: 0,
            salt: Vec::new(),
            digests: session.refresh_digest.into_iter().collect(),
            graces: 0,
            time: None,
        };
        let begun = Begun { session: session.clone(), client: client.clone(), rotation, is_ended: false };
        self.sessions.insert(session.id, begun);
    }
}

impl Row {
    fn credentials(&self) -> (User, String) {
        (self.user.clone(), self.password_hash.clone())
    }

    fn is_wanted(&self, filter: &Filter) -> bool {
        filter.email_key.as_ref().is_none_or(|email_key| self.email_key == *email_key)
            && filter.role.as_ref().is_none_or(|role| self.user.roles.words().contains(&role.as_str()))
            && filter.state.is_none_or(|state| self.user.state == state)
    }
}
