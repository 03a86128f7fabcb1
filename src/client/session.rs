//! The state machine of a client's session, without a clock.

use std::time::Duration;

use super::{NoToken, Reaction};
use crate::Token;
use crate::api::auth::v1::ErrorReason;

/// Minimum life of a renewed token. Without it, a clock that is ahead would make each call a renewal.
const MIN_TOKEN_LIFE: Duration = Duration::from_secs(5);

/// The tokens and the running renewal. There is no `Debug`, because both tokens are secrets.
pub(super) struct Session {
    access: Option<Access>,
    /// The refresh token for the next renewal.
    pub(super) refresh: String,
    renewal: Renewal,
    /// Set when a callee refused the token: the next one is on trial.
    was_refused: bool,
    /// Number of finished renewal attempts.
    pub(super) attempts: u64,
}

struct Access {
    token: Token,
    /// Uptime from which the token is renewed.
    due: Duration,
    /// Uptime at which the token expires.
    end: Duration,
    /// Set for a token renewed after a rejection, until it admits a call.
    is_on_trial: bool,
}

#[derive(Clone, Copy)]
enum Renewal {
    /// No renewal is running.
    None,
    /// A request is running.
    Asking,
    /// An attempt failed; the next one follows after a pause.
    Pausing,
    /// The session is over.
    Over(ErrorReason),
}

/// The situation of a new call.
pub(super) enum Now {
    /// Use this token.
    Use(Token),
    /// Wait for the running attempt.
    Wait,
    /// Fail.
    Fail(NoToken),
}

impl Session {
    /// Creates a session. `life` is the remaining life of the access token.
    pub(super) fn new(refresh: String, access: Option<Token>, life: Duration, now: Duration) -> Self {
        let access = access.map(|token| Access::new(token, life, now));
        Self { access, refresh, renewal: Renewal::None, was_refused: false, attempts: 0 }
    }

    /// Returns the situation of a new call, and true if the call must start a renewal.
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

    /// Returns the token for a call that has waited for an attempt.
    pub(super) fn waited(&self, now: Duration) -> Result<Token, NoToken> {
        match self.renewal {
            Renewal::Over(reason) => Err(NoToken::Ended(reason)),
            _ => self.living(now).ok_or(NoToken::Unavailable),
        }
    }

    fn living(&self, now: Duration) -> Option<Token> {
        self.access.as_ref().filter(|access| now < access.end).map(|access| access.token.clone())
    }

    /// Drops this token.
    pub(super) fn forget(&mut self, token: &Token) {
        self.access.take_if(|access| access.token == *token);
    }

    /// Records that a callee refused this token. Rejections of earlier tokens change nothing.
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

    /// Returns true if this token is on trial.
    pub(super) fn is_on_trial(&self, token: &Token) -> bool {
        self.access.as_ref().is_some_and(|access| access.is_on_trial && access.token == *token)
    }

    /// Records that this token admitted a call.
    pub(super) fn let_in(&mut self, token: &Token) {
        if let Some(access) = self.access.as_mut().filter(|access| access.token == *token) {
            access.is_on_trial = false;
        }
    }

    /// Records a successful attempt. If the session is over, the tokens are too late.
    pub(super) fn renewed(&mut self, refresh: String, access: Token, life: Duration, now: Duration) {
        if !matches!(self.renewal, Renewal::Over(_)) {
            let is_on_trial = std::mem::take(&mut self.was_refused);
            self.access = Some(Access { is_on_trial, ..Access::new(access, life.max(MIN_TOKEN_LIFE), now) });
        }
        self.refresh = refresh;
        self.ended(Renewal::None);
    }

    /// Ends the session. A valid access token is dropped too: it belongs to the same session.
    pub(super) fn over(&mut self, reason: ErrorReason) {
        self.access = None;
        self.ended(Renewal::None);
        self.renewal = Renewal::Over(reason);
    }

    /// Records a failed attempt that will be repeated.
    pub(super) fn pause(&mut self) {
        self.ended(Renewal::Pausing);
    }

    /// Records the start of the next attempt.
    pub(super) fn ask(&mut self) {
        if !matches!(self.renewal, Renewal::Over(_)) {
            self.renewal = Renewal::Asking;
        }
    }

    /// Records the end of the renewal task.
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
