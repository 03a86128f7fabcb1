//! Stored requests and keys.

use auth_service::domain::UserId;
use db::requests::Earlier;
use kit::request_id::{REQUEST_ID_LIFETIME, RequestKey};

use super::super::calls::{Answer, KeptCall, Time};
use super::Model;

impl Model {
    pub(super) fn answer_kept(&mut self, call: &KeptCall) -> Answer {
        match call {
            KeptCall::Earlier { key, now } => Answer::Earlier(self.earlier(key, *now)),
            KeptCall::PageTokenKey { fresh } => {
                Answer::Key(self.page_token_key.get_or_insert_with(|| fresh.to_vec()).clone())
            }
        }
    }

    fn earlier(&self, key: &RequestKey, now: Time) -> Option<Earlier<UserId>> {
        let request = self.requests.get(&(key.caller.clone(), key.method, key.id))?;
        if now - request.time >= REQUEST_ID_LIFETIME {
            return None;
        }
        let is_same = request.fingerprint == key.fingerprint;
        Some(if is_same { Earlier::Same(request.resource) } else { Earlier::Other })
    }
}
