//! Sessions of a soak: lasting ones, which are refreshed, and new ones, which are revoked.

use std::sync::{Mutex, PoisonError};

use gatepost::Token;
use gatepost::api::auth::v1::TokenPair;

use crate::Failure;
use crate::drill::Random;

/// Number of users with a lasting session.
pub(super) const LASTING_SESSIONS: usize = 16;

/// Number of new sessions that wait for their revocation. Further ones are dropped.
const MAX_NEW_SESSIONS: usize = 64;

/// A user with a lasting session.
pub(super) struct LastingSession {
    pub(super) email: String,
    token: Mutex<Token>,
    /// The current refresh token. Refreshes of a session wait for each other.
    pub(super) refresh_token: tokio::sync::Mutex<String>,
}

/// Origin of a new session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SessionOrigin {
    /// A login of a lasting user, who must not be disabled or deleted.
    Login,
    /// A registration.
    SignUp,
}

/// A session to revoke.
pub(super) struct NewSession {
    pub(super) token: Token,
    pub(super) origin: SessionOrigin,
}

/// All sessions.
pub(super) struct SoakSessions {
    lasting: Vec<LastingSession>,
    new: Mutex<Vec<NewSession>>,
}

impl LastingSession {
    pub(super) fn new(email: String, tokens: TokenPair) -> Result<Self, Failure> {
        let token = Mutex::new(Token::parse(&tokens.access_token)?);
        Ok(Self { email, token, refresh_token: tokio::sync::Mutex::new(tokens.refresh_token) })
    }

    /// Returns the access token.
    pub(super) fn token(&self) -> Token {
        self.token.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_token(&self, token: Token) {
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = token;
    }
}

impl SoakSessions {
    pub(super) fn new(lasting: Vec<LastingSession>) -> Self {
        Self { lasting, new: Mutex::default() }
    }

    /// Returns the session of the author of all posts.
    pub(super) fn author(&self) -> Result<&LastingSession, Failure> {
        self.lasting.first().ok_or_else(|| "no lasting session".into())
    }

    /// Returns all lasting sessions.
    pub(super) fn all_lasting(&self) -> &[LastingSession] {
        &self.lasting
    }

    /// Returns one of the lasting sessions.
    pub(super) fn lasting(&self, random: &mut Random) -> Option<&LastingSession> {
        let count = u64::try_from(self.lasting.len()).unwrap_or(u64::MAX);
        self.lasting.get(usize::try_from(random.number() % count.max(1)).unwrap_or_default())
    }

    /// Adds a new session.
    pub(super) fn add(&self, session: NewSession) {
        let mut new = self.new.lock().unwrap_or_else(PoisonError::into_inner);
        if new.len() < MAX_NEW_SESSIONS {
            new.push(session);
        }
    }

    /// Takes the newest session.
    pub(super) fn take(&self) -> Option<NewSession> {
        self.new.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
}
