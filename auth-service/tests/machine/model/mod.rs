//! A model in memory of the store's methods. It follows their documentation, not their SQL.

mod attempts;
mod changes;
mod kept;
mod sessions;
mod users;

use std::collections::BTreeMap;

use auth_service::domain::{Client, Failures, Rotation, Session, SessionId, User, UserId};
use auth_service::store::AccountDigest;
use kit::request_id::{Fingerprint, RequestId};

use super::calls::{Answer, Call, Time};

/// All data of a store.
#[derive(Default)]
pub(crate) struct Model {
    pub(crate) users: BTreeMap<UserId, Row>,
    pub(crate) sessions: BTreeMap<SessionId, Begun>,
    pub(crate) failures: BTreeMap<AccountDigest, Failures>,
    /// Time at which the whole allowance is available again, by kind and network.
    pub(crate) allowances: BTreeMap<(&'static str, String), Time>,
    /// Requests by caller, method and id.
    pub(crate) requests: BTreeMap<(String, &'static str, RequestId), Request>,
    pub(crate) page_token_key: Option<Vec<u8>>,
}

pub(crate) struct Row {
    pub(crate) user: User,
    pub(crate) email_key: String,
    password_hash: String,
    /// Lowest generation of live sessions: sessions of an older one are dead.
    sessions_since: i32,
}

pub(crate) struct Begun {
    pub(crate) session: Session,
    client: Client,
    pub(crate) rotation: Rotation,
    is_ended: bool,
}

pub(crate) struct Request {
    fingerprint: Fingerprint,
    resource: UserId,
    pub(crate) time: Time,
}

impl Model {
    pub(crate) fn answer(&mut self, call: &Call) -> Answer {
        match call {
            Call::Users(call) => self.answer_users(call),
            Call::Changes(call) => self.answer_changes(call),
            Call::Sessions(call) => self.answer_sessions(call),
            Call::Attempts(call) => self.answer_attempts(call),
            Call::Kept(call) => self.answer_kept(call),
        }
    }
}
