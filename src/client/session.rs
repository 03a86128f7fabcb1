//! What a client knows of its session: a state machine without a clock.

use std::time::Duration;

use super::{NoToken, Reaction};
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
    /// The last token was refused: the next one is on trial.
    was_refused: bool,
    /// How many attempts of renewals have ended.
    pub(super) attempts: u64,
}

struct Access {
    token: Token,
    /// From then on it is to be renewed.
    due: Duration,
    /// From then on it is dead.
    end: Duration,
    /// Set for a token that was renewed for a refusal, until a call has been let in by it.
    is_on_trial: bool,
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
        Self { access, refresh, renewal: Renewal::None, was_refused: false, attempts: 0 }
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

    /// A callee has refused this token for that reason. A refusal of an earlier token changes nothing.
    pub(super) fn refused(&mut self, token: &Token, reason: ErrorReason) {
        let Some(access) = self.access.as_ref().filter(|access| access.token == *token) else { return };
        match Reaction::to(reason) {
            Reaction::RefreshOnce if !access.is_on_trial => {
                self.access = None;
                self.was_refused = true;
            }
            Reaction::RefreshOnce | Reaction::SessionOver => self.over(reason),
            Reaction::Retry | Reaction::PassOn => {}
        }
    }

    /// Tells whether this token is on trial.
    pub(super) fn is_on_trial(&self, token: &Token) -> bool {
        self.access.as_ref().is_some_and(|access| access.is_on_trial && access.token == *token)
    }

    /// A call has been let in by this token.
    pub(super) fn let_in(&mut self, token: &Token) {
        if let Some(access) = self.access.as_mut().filter(|access| access.token == *token) {
            access.is_on_trial = false;
        }
    }

    /// An attempt has brought the next pair. It comes too late if the session is over meanwhile.
    pub(super) fn renewed(&mut self, refresh: String, access: Token, life: Duration, now: Duration) {
        if !matches!(self.renewal, Renewal::Over(_)) {
            let is_on_trial = std::mem::take(&mut self.was_refused);
            self.access = Some(Access { is_on_trial, ..Access::new(access, life.max(LEAST), now) });
        }
        self.refresh = refresh;
        self.ended(Renewal::None);
    }

    /// An attempt has been refused for good. A token that still lives is of no use: it is of the same session.
    pub(super) fn over(&mut self, reason: ErrorReason) {
        self.access = None;
        self.ended(Renewal::None);
        self.renewal = Renewal::Over(reason);
    }

    /// An attempt has failed; another one will follow.
    pub(super) fn pause(&mut self) {
        self.ended(Renewal::Pausing);
    }

    /// The next attempt begins.
    pub(super) fn ask(&mut self) {
        if !matches!(self.renewal, Renewal::Over(_)) {
            self.renewal = Renewal::Asking;
        }
    }

    /// Nobody is at it any more, whatever has come of it.
    pub(super) fn left(&mut self) {
        if matches!(self.renewal, Renewal::Asking | Renewal::Pausing) {
            self.ended(Renewal::None);
        }
    }

    fn ended(&mut self, next: Renewal) {
        if !matches!(self.renewal, Renewal::Over(_)) {
            self.renewal = next;
        }
        self.attempts += 1;
    }
}

impl Access {
    fn new(token: Token, life: Duration, now: Duration) -> Self {
        Self { token, due: now + life * 4 / 5, end: now + life, is_on_trial: false }
    }
}
