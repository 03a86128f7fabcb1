//! Start, listing and end of sessions.

use auth_service::domain::{Client, ListedSession, Rotation, Session, SessionId, UserId, UserState, network};
use auth_service::store::{Refreshable, Rotated};

use super::super::calls::{Answer, SessionCall, Time};
use super::{Begun, Model};

/// Number of sessions removed at once.
const SWEPT: usize = 100;

impl Model {
    pub(super) fn answer_sessions(&mut self, call: &SessionCall) -> Answer {
        match call {
            SessionCall::Create { session, client } => Answer::Was(self.create_session(session, client)),
            SessionCall::List { user_id, after, limit, now } => {
                let own = self.sessions.values().rev().filter(|begun| begun.session.user_id == *user_id);
                let older = own.filter(|begun| after.is_none_or(|after| begun.session.id < after));
                let live = older.filter(|begun| self.lives(begun) && begun.session.over_time > *now);
                Answer::Sessions(live.take(*limit as usize).map(Begun::listed).collect())
            }
            SessionCall::Revoke { id, user_id, now } => Answer::Was(self.revoke(*id, *user_id, *now)),
            SessionCall::End { id, now: _ } => {
                if let Some(begun) = self.sessions.get_mut(id) {
                    begun.is_ended = true;
                }
                Answer::Done
            }
            SessionCall::IsKnownAt { email_key, network: place } => Answer::Was(self.sessions.values().any(|begun| {
                network(&begun.client.peer) == *place && self.users[&begun.session.user_id].email_key == *email_key
            })),
            SessionCall::Refreshable { id } => Answer::Refreshable(self.refreshable(*id).map(Box::new)),
            SessionCall::Rotate { id, generation, rotated, client } => {
                Answer::Was(self.rotate(*id, *generation, rotated, client))
            }
            SessionCall::RotateAgain { id, generation, graces, end } => {
                let begun = self.sessions.get_mut(id).filter(|begun| !begun.is_ended);
                let begun = begun.filter(|begun| begun.rotation.generation == *generation);
                Answer::Was(begun.is_some_and(|begun| {
                    begun.rotation.graces |= *graces;
                    begun.session.over_time = begun.session.over_time.max(*end);
                    true
                }))
            }
            SessionCall::Sweep { now } => {
                let mut over: Vec<_> =
                    self.sessions.values().map(|begun| (begun.session.over_time, begun.session.id)).collect();
                over.retain(|(end, _)| end <= now);
                over.sort_unstable();
                over.truncate(SWEPT);
                for (_, id) in &over {
                    self.sessions.remove(id);
                }
                Answer::Swept(over.len() as u64)
            }
        }
    }

    fn create_session(&mut self, session: &Session, client: &Client) -> bool {
        let Some(row) = self.users.get(&session.user_id) else { return false };
        if row.user.state == UserState::Disabled || session.generation < row.sessions_since {
            return false;
        }
        self.begin(session, client);
        true
    }

    /// Returns `true` unless the session was ended, alone or with all of its user.
    fn lives(&self, begun: &Begun) -> bool {
        !begun.is_ended && begun.session.generation >= self.users[&begun.session.user_id].sessions_since
    }

    fn revoke(&mut self, id: SessionId, user_id: Option<UserId>, now: Time) -> bool {
        let found = self.sessions.get(&id).filter(|begun| {
            let is_asked_for = user_id.is_none_or(|user_id| user_id == begun.session.user_id);
            is_asked_for && self.lives(begun) && begun.session.over_time > now
        });
        let revoked = found.is_some();
        if revoked && let Some(begun) = self.sessions.get_mut(&id) {
            begun.is_ended = true;
        }
        revoked
    }

    fn refreshable(&self, id: SessionId) -> Option<Refreshable> {
        let begun = self.sessions.get(&id)?;
        let user = self.users[&begun.session.user_id].user.clone();
        Some(Refreshable {
            expire_time: begun.session.expire_time,
            idle_expire_time: begun.session.idle_expire_time,
            is_ended: !self.lives(begun) || user.state == UserState::Disabled,
            rotation: begun.rotation.clone(),
            user,
        })
    }

    fn rotate(&mut self, id: SessionId, generation: i32, rotated: &Rotated, client: &Client) -> bool {
        let is_live = self.refreshable(id).is_some_and(|found| !found.is_ended);
        let Some(begun) = self.sessions.get_mut(&id) else { return false };
        if !is_live || begun.rotation.generation != generation {
            return false;
        }
        begun.rotation = Rotation {
            generation: generation + 1,
            salt: rotated.salt.clone(),
            digests: rotated.digests.clone(),
            graces: rotated.graces,
            time: Some(rotated.time),
        };
        begun.session.refresh_digest = rotated.digests.first().copied();
        begun.session.idle_expire_time = rotated.idle_expire_time;
        begun.session.over_time = rotated.over_time;
        begun.client = client.clone();
        true
    }
}

impl Begun {
    fn listed(&self) -> ListedSession {
        ListedSession {
            session: self.session.clone(),
            client: self.client.clone(),
            last_refresh_time: self.rotation.time,
        }
    }
}
