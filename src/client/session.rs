//! The state machine of a client's session, without a clock.

use std::time::Duration;

use super::{NoToken, Reaction};
use crate::Token;
use crate::api::auth::v1::ErrorReason;

/// Minimum life of a renewed token. Without it, a clock that is ahead would make each call a renewal.
const MIN_TOKEN_LIFE: Duration = Duration::from_secs(5);

/// The tokens and the running renewal. There is no `Debug`, because both tokens are secrets.
pub(super) struct ClientSession {
    access: Option<AccessToken>,
    /// The refresh token for the next renewal.
    pub(super) refresh: String,
    renewal: RenewalState,
    /// Set when a callee refused the token: the next one is on trial.
    was_refused: bool,
    /// Number of finished renewal attempts.
    pub(super) attempts: u64,
}

struct AccessToken {
    token: Token,
    /// Uptime from which the token is renewed.
    due: Duration,
    /// Uptime at which the token expires.
    end: Duration,
    /// Set for a token renewed after a rejection, until it admits a call.
    is_on_trial: bool,
}

#[derive(Clone, Copy)]
enum RenewalState {
    /// No renewal is running.
    None,
    /// A request is running.
    Asking,
    /// An attempt failed; the next one follows after a pause.
    Pausing,
    /// The session is over.
    Over(ErrorReason),
}

/// The start of a call.
pub(super) struct CallStart {
    pub(super) action: TokenAction,
    /// Set if the call must start a renewal.
    pub(super) starts_renewal: bool,
}

/// The action of a call that needs a token.
pub(super) enum TokenAction {
    /// Use this token.
    Use(Token),
    /// Wait for the running attempt.
    Wait,
    /// Fail.
    Fail(NoToken),
}

impl CallStart {
    pub(super) const WAIT: Self = Self { action: TokenAction::Wait, starts_renewal: false };
}

impl ClientSession {
    /// Creates a session. `life` is the remaining life of the access token.
    pub(super) fn new(refresh: String, access: Option<Token>, life: Duration, now: Duration) -> Self {
        let access = access.map(|token| AccessToken::new(token, life, now));
        Self { access, refresh, renewal: RenewalState::None, was_refused: false, attempts: 0 }
    }

    /// Decides about a new call.
    pub(super) fn start_call(&mut self, now: Duration) -> CallStart {
        let is_due = self.access.as_ref().is_none_or(|access| now >= access.due);
        let starts_renewal = is_due && matches!(self.renewal, RenewalState::None);
        if starts_renewal {
            self.renewal = RenewalState::Asking;
        }
        let action = match (self.living(now), self.renewal) {
            (Some(token), _) => TokenAction::Use(token),
            (None, RenewalState::None | RenewalState::Asking) => TokenAction::Wait,
            (None, RenewalState::Pausing) => TokenAction::Fail(NoToken::Unavailable),
            (None, RenewalState::Over(reason)) => TokenAction::Fail(NoToken::Ended(reason)),
        };
        CallStart { action, starts_renewal }
    }

    /// Returns the token for a call that has waited for an attempt.
    pub(super) fn token_after_wait(&self, now: Duration) -> Result<Token, NoToken> {
        match self.renewal {
            RenewalState::Over(reason) => Err(NoToken::Ended(reason)),
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
        match Reaction::from_reason(reason) {
            Reaction::RefreshOnce if !access.is_on_trial => {
                self.access = None;
                self.was_refused = true;
            }
            Reaction::RefreshOnce | Reaction::SessionOver => self.end(reason),
            Reaction::Retry | Reaction::PassOn => {}
        }
    }

    /// Returns true if this token is on trial.
    pub(super) fn is_on_trial(&self, token: &Token) -> bool {
        self.access.as_ref().is_some_and(|access| access.is_on_trial && access.token == *token)
    }

    /// Records that this token admitted a call.
    pub(super) fn record_admission(&mut self, token: &Token) {
        if let Some(access) = self.access.as_mut().filter(|access| access.token == *token) {
            access.is_on_trial = false;
        }
    }

    /// Records a successful attempt. If the session is over, the tokens are too late.
    pub(super) fn renewed(&mut self, refresh: String, access: Token, life: Duration, now: Duration) {
        if !matches!(self.renewal, RenewalState::Over(_)) {
            let is_on_trial = std::mem::take(&mut self.was_refused);
            self.access = Some(AccessToken { is_on_trial, ..AccessToken::new(access, life.max(MIN_TOKEN_LIFE), now) });
        }
        self.refresh = refresh;
        self.ended(RenewalState::None);
    }

    /// Ends the session. A valid access token is dropped too: it belongs to the same session.
    pub(super) fn end(&mut self, reason: ErrorReason) {
        self.access = None;
        self.ended(RenewalState::None);
        self.renewal = RenewalState::Over(reason);
    }

    /// Records a failed attempt that will be repeated.
    pub(super) fn pause(&mut self) {
        self.ended(RenewalState::Pausing);
    }

    /// Records the start of the next attempt.
    pub(super) fn retry(&mut self) {
        if !matches!(self.renewal, RenewalState::Over(_)) {
            self.renewal = RenewalState::Asking;
        }
    }

    /// Records the end of the renewal task.
    pub(super) fn finish_renewal(&mut self) {
        if matches!(self.renewal, RenewalState::Asking | RenewalState::Pausing) {
            self.ended(RenewalState::None);
        }
    }

    fn ended(&mut self, next: RenewalState) {
        if !matches!(self.renewal, RenewalState::Over(_)) {
            self.renewal = next;
        }
        self.attempts += 1;
    }
}

impl AccessToken {
    fn new(token: Token, life: Duration, now: Duration) -> Self {
        Self { token, due: now + life * 4 / 5, end: now + life, is_on_trial: false }
    }
}
