//! Requests and keys that are kept.

use kit::db::requests::Earlier;
use kit::request_id::{KEPT, RequestKey};

use super::super::calls::{Answer, KeptCall, Time};
use super::Model;

/// What the page tokens' key is kept under, beside the sealed keys.
const PAGE_TOKENS: &str = "page tokens";

impl Model {
    pub(super) fn answer_kept(&mut self, call: &KeptCall) -> Answer {
        match call {
            KeptCall::Earlier { key, now } => Answer::Earlier(self.earlier(key, *now)),
            KeptCall::SealedKey { name } => Answer::Key(self.keys.get(name).cloned()),
            KeptCall::KeepSealedKey { name, fresh } => Answer::Key(Some(self.keep(name, fresh))),
            KeptCall::PageTokenKey { fresh } => Answer::Key(Some(self.keep(PAGE_TOKENS, fresh))),
        }
    }

    fn earlier(&self, key: &RequestKey, now: Time) -> Option<Earlier> {
        let request = self.requests.get(&(key.caller.clone(), key.method, key.id))?;
        if now - request.time >= KEPT {
            return None;
        }
        let is_same = request.fingerprint == key.fingerprint;
        Some(if is_same { Earlier::Same(request.resource) } else { Earlier::Other })
    }

    fn keep(&mut self, name: &str, fresh: &[u8]) -> Vec<u8> {
        self.keys.entry(name.to_owned()).or_insert_with(|| fresh.to_vec()).clone()
    }
}
