//! The tokens and revocations of a test.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::time::{Duration, SystemTime};

use crate::guard::IntrospectionFacts;
use crate::revocation_state::{Evidence, LogEntry, LogPosition, RevocationCause, RevocationTarget};
use crate::{Identity, InactiveReason, Introspection, SubjectKind, Token, TokenDigest};

/// Default life of a user's token.
const TOKEN_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// A revocation by the test.
pub(super) enum TestRevocation {
    Session(Box<str>),
    /// All current tokens of this user.
    User(Box<str>, RevocationCause),
    /// All tokens of this service key.
    Key(Box<str>),
}

/// The issued tokens and the revocation log.
#[derive(Default)]
pub(super) struct TestIssuer {
    tokens: HashMap<TokenDigest, TestToken>,
    /// Each user's generation, and the cause that ended the older ones.
    users: HashMap<Box<str>, (i32, RevocationCause)>,
    sessions: HashSet<Box<str>>,
    keys: HashSet<Box<str>>,
    revision: i64,
    /// Makes tokens unique, so that no issuer accepts those of another.
    random: RandomState,
}

struct TestToken {
    bearer: Identity,
    generation: i32,
    key: Box<str>,
}

impl TestIssuer {
    pub(super) fn issue(&mut self, bearer: Identity, now: SystemTime) -> Token {
        let number = self.tokens.len() + 1;
        let (bearer, key) = if bearer.kind == SubjectKind::Service {
            (bearer, format!("key-of-token-{number}").into())
        } else {
            let session = bearer.session.clone().unwrap_or_else(|| format!("session-of-token-{number}"));
            let expire_time = bearer.expire_time.unwrap_or(now + TOKEN_LIFETIME);
            (bearer.session(session).expire_time(expire_time), Box::default())
        };
        let generation = self.users.get(&*bearer.subject).map_or(0, |(generation, _)| *generation);
        let token = Token::numbered(number, self.random.hash_one(number));
        self.tokens.insert(token.digest(), TestToken { bearer, generation, key });
        token
    }

    /// Returns the revocation that ends this token.
    #[track_caller]
    pub(super) fn revocation_of(&self, token: &Token) -> TestRevocation {
        let Some(TestToken { bearer, key, .. }) = self.tokens.get(&token.digest()) else {
            panic!("another Auth issued this token: revoke it there");
        };
        match &bearer.session {
            Some(session) => TestRevocation::Session(session.as_str().into()),
            None => TestRevocation::Key(key.clone()),
        }
    }

    /// Records a revocation and returns its log entry.
    pub(super) fn revoke(&mut self, revoked: TestRevocation) -> (LogEntry, RevocationTarget) {
        self.revision += 1;
        let target = match revoked {
            TestRevocation::Session(id) => {
                self.sessions.insert(id.clone());
                RevocationTarget::Session(id)
            }
            TestRevocation::User(id, cause) => {
                let user = self.users.entry(id.clone()).or_insert((0, cause));
                *user = (user.0 + 1, cause);
                RevocationTarget::User { id, generation: user.0, cause }
            }
            TestRevocation::Key(id) => {
                self.keys.insert(id.clone());
                RevocationTarget::SigningKey(id)
            }
        };
        (self.position().last, target)
    }

    /// Returns the end of the log.
    pub(super) fn position(&self) -> LogPosition {
        LogPosition { log: [1; 16], last: LogEntry { revision: self.revision, fingerprint: [2; 16] } }
    }

    /// Verifies a token at the time of day `now`. `asked` is the uptime.
    pub(super) fn introspect(&self, token: &Token, now: SystemTime, asked: Duration) -> Introspection {
        let Some(TestToken { bearer, generation, key }) = self.tokens.get(&token.digest()) else {
            return Introspection::inactive(InactiveReason::Invalid);
        };
        let ttl = bearer.expire_time.map_or(Duration::MAX, |end| end.duration_since(now).unwrap_or_default());
        if ttl.is_zero() {
            return Introspection::inactive(InactiveReason::Expired);
        }
        if let Some(reason) = self.inactive_reason(bearer, *generation, key) {
            return Introspection::inactive(reason);
        }
        let evidence = Evidence { position: self.position(), asked, ttl };
        Introspection::active(bearer.clone()).with_facts(IntrospectionFacts {
            evidence,
            generation: *generation,
            key: key.clone(),
        })
    }

    fn inactive_reason(&self, bearer: &Identity, generation: i32, key: &str) -> Option<InactiveReason> {
        let user = self.users.get(&*bearer.subject).filter(|(current, _)| generation < *current);
        let has_ended = bearer.session.as_deref().is_some_and(|session| self.sessions.contains(session));
        match user {
            Some((_, RevocationCause::Deleted)) => Some(InactiveReason::UserDeleted),
            Some((_, RevocationCause::Disabled)) => Some(InactiveReason::UserDisabled),
            Some((_, RevocationCause::Revoked)) => Some(InactiveReason::Revoked),
            None => (has_ended || self.keys.contains(key)).then_some(InactiveReason::Revoked),
        }
    }
}
