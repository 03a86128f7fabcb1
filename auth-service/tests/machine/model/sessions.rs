//! Sessions as they begin, are listed and end.

use auth_service::domain::{Client, ListedSession, Session, UserState, network};
use auth_service::store::Standing;
use uuid::Uuid;

use super::super::calls::{Answer, SessionCall, Time};
use super::{Begun, Model};

/// How many of a user's oldest sessions a new one looks at, to take out those that have expired.
const LOOKED_AT: usize = 16;

impl Model {
    pub(super) fn answer_sessions(&mut self, call: &SessionCall) -> Answer {
        match call {
            SessionCall::Create { session, client } => Answer::Was(self.create_session(session, client)),
            SessionCall::List { user_id, after, limit, now } => {
                let own = self.sessions.values().rev().filter(|begun| begun.session.user_id == *user_id);
                let older = own.filter(|begun| after.is_none_or(|after| begun.session.id < after));
                let live = older.filter(|begun| self.lives(begun) && begun.session.expire_time > *now);
                Answer::Sessions(live.take(*limit as usize).map(Begun::listed).collect())
            }
            SessionCall::Revoke { id, user_id, now } => Answer::Was(self.revoke(*id, *user_id, *now)),
            SessionCall::End { id, now: _ } => {
                if let Some(begun) = self.sessions.get_mut(id) {
                    begun.is_ended = true;
                }
                Answer::Done
            }
            SessionCall::Standing { user_id, id } => Answer::Standing(self.standing(*user_id, *id)),
            SessionCall::IsKnownAt { email_key, network: place } => Answer::Was(self.sessions.values().any(|begun| {
                network(&begun.client.peer) == *place && self.users[&begun.session.user_id].email_key == *email_key
            })),
        }
    }

    fn create_session(&mut self, session: &Session, client: &Client) -> bool {
        let Some(row) = self.users.get(&session.user_id) else { return false };
        if row.user.state == UserState::Disabled || session.generation < row.sessions_since {
            return false;
        }
        self.begin(session, client);
        let own = self.sessions.values().filter(|begun| begun.session.user_id == session.user_id);
        let oldest = own.take(LOOKED_AT).map(|begun| &begun.session);
        let expired: Vec<Uuid> =
            oldest.filter(|old| old.expire_time <= session.create_time).map(|old| old.id).collect();
        self.sessions.retain(|id, _| !expired.contains(id));
        true
    }

    /// Whether it has not been ended, by itself or with all of its user's.
    fn lives(&self, begun: &Begun) -> bool {
        !begun.is_ended && begun.session.generation >= self.users[&begun.session.user_id].sessions_since
    }

    fn revoke(&mut self, id: Uuid, user_id: Option<Uuid>, now: Time) -> bool {
        let found = self.sessions.get(&id).filter(|begun| {
            let is_asked_for = user_id.is_none_or(|user_id| user_id == begun.session.user_id);
            is_asked_for && self.lives(begun) && begun.session.expire_time > now
        });
        let revoked = found.is_some();
        if revoked && let Some(begun) = self.sessions.get_mut(&id) {
            begun.is_ended = true;
        }
        revoked
    }

    fn standing(&self, user_id: Uuid, id: Uuid) -> Option<Standing> {
        let user = &self.users.get(&user_id)?.user;
        let own = self.sessions.get(&id).filter(|begun| begun.session.user_id == user_id);
        let session_lives = own.is_some_and(|begun| self.lives(begun));
        Some(Standing { state: user.state, generation: user.generation, session_lives })
    }
}

impl Begun {
    fn listed(&self) -> ListedSession {
        ListedSession { session: self.session.clone(), client: self.client.clone(), last_refresh_time: None }
    }
}
