//! What a client knows of its session: a state machine without a clock.

use std::time::Duration;

use super::NoToken;
use crate::Token;
use crate::api::auth::v1::ErrorReason;

/// The least life that an answer's token is thought to have: a clock that is ahead would otherwise make each call a
/// renewal.
const LEAST: Duration = Duration::from_secs(5);

/// The tokens, and the renewal that is under way. It has no `Debug`: both tokens are secrets.
pub(super) struct Session {
    access: Option<Access>,
    /// What the next pair is asked for with.
    pub(super) refresh: String,
    renewal: Renewal,
    /// How many attempts of renewals have ended.
    pub(super) attempts: u64,
}

struct Access {
    token: Token,
    /// From then on it is to be renewed.
    due: Duration,
    /// From then on it is dead.
    end: Duration,
}

#[derive(Clone, Copy)]
enum Renewal {
    /// Nobody is at it.
    None,
    /// The auth service has been asked.
    Asking,
    /// It has failed, and will be tried again.
    Pausing,
    /// There is nothing to renew any more.
    Over(ErrorReason),
}

/// What a call that begins now has.
pub(super) enum Now {
    /// This token.
    Use(Token),
    /// What the attempt under way brings.
    Wait,
    /// No token.
    Fail(NoToken),
}

impl Session {
    /// A session with this refresh token; the access token, if it is one, lives so long from now on.
    pub(super) fn new(refresh: String, access: Option<Token>, life: Duration, now: Duration) -> Self {
        let access = access.map(|token| Access::new(token, life, now));
        Self { access, refresh, renewal: Renewal::None, attempts: 0 }
    }

    /// What a call has now, and whether it must begin a renewal.
    pub(super) fn call(&mut self, now: Duration) -> (Now, bool) {
        let is_due = self.access.as_ref().is_none_or(|access| now >= access.due);
        let begins = is_due && matches!(self.renewal, Renewal::None);
        if begins {
            self.renewal = Renewal::Asking;
        }
        let has = match (self.living(now), self.renewal) {
            (Some(token), _) => Now::Use(token),
            (None, Renewal::None | Renewal::Asking) => Now::Wait,
            (None, Renewal::Pausing) => Now::Fail(NoToken::Unavailable),
            (None, Renewal::Over(reason)) => Now::Fail(NoToken::Ended(reason)),
        };
        (has, begins)
    }

    /// What a call has that has waited for an attempt.
    pub(super) fn waited(&self, now: Duration) -> Result<Token, NoToken> {
        match self.renewal {
            Renewal::Over(reason) => Err(NoToken::Ended(reason)),
            _ => self.living(now).ok_or(NoToken::Unavailable),
        }
    }

    fn living(&self, now: Duration) -> Option<Token> {
        self.access.as_ref().filter(|access| now < access.end).map(|access| access.token.clone())
    }

    /// This token is dead, whatever was thought of it.
    pub(super) fn forget(&mut self, token: &Token) {
        self.access.take_if(|access| access.token == *token);
    }

    /// An attempt has brought the next pair.
    pub(super) fn renewed(&mut self, refresh: String, access: Token, life: Duration, now: Duration) {
        self.access = Some(Access::new(access, life.max(LEAST), now));
        self.refresh = refresh;
        self.ended(Renewal::None);
    }

    /// An attempt has been refused for good. A token that still lives is of no use: it is of the same session.
    pub(super) fn over(&mut self, reason: ErrorReason) {
        self.access = None;
        self.ended(Renewal::Over(reason));
    }

    /// An attempt has failed; another one will follow.
    pub(super) fn pause(&mut self) {
        self.ended(Renewal::Pausing);
    }

    /// The next attempt begins.
    pub(super) fn ask(&mut self) {
        self.renewal = Renewal::Asking;
    }

    /// Nobody is at it any more, whatever has come of it.
    pub(super) fn left(&mut self) {
        if matches!(self.renewal, Renewal::Asking | Renewal::Pausing) {
            self.ended(Renewal::None);
        }
    }

    fn ended(&mut self, next: Renewal) {
        self.renewal = next;
        self.attempts += 1;
    }
}

impl Access {
    fn new(token: Token, life: Duration, now: Duration) -> Self {
        Self { token, due: now + life * 4 / 5, end: now + life }
    }
}
