//! A scripted verifier for tests: one step per request.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::{Arc, Mutex};

use tokio::time::Instant;

use super::{Identity, InactiveReason, Introspection, Token, Unavailable, Verify};

/// The outcome of one request.
#[derive(Clone, Copy)]
pub(super) enum ScriptedAnswer {
    Answer,
    Fail,
    Mumble,
    Hang,
    Panic,
}

/// A verifier that follows its script and repeats the last step forever.
pub(super) struct Scripted {
    steps: Mutex<VecDeque<ScriptedAnswer>>,
    asked: Mutex<Vec<(Instant, Instant)>>,
}

impl Scripted {
    pub(super) fn new(steps: impl IntoIterator<Item = ScriptedAnswer>) -> Arc<Self> {
        Arc::new(Self { steps: Mutex::new(steps.into_iter().collect()), asked: Mutex::default() })
    }

    /// Replaces the script.
    pub(super) fn set_steps(&self, steps: impl IntoIterator<Item = ScriptedAnswer>) {
        *self.steps.lock().unwrap() = steps.into_iter().collect();
    }

    /// Returns the time and the deadline of each request.
    pub(super) fn asked(&self) -> Vec<(Instant, Instant)> {
        self.asked.lock().unwrap().clone()
    }

    /// Returns the number of requests.
    pub(super) fn count(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    fn next(&self) -> ScriptedAnswer {
        let mut steps = self.steps.lock().unwrap();
        if steps.len() > 1 { steps.pop_front().unwrap() } else { steps[0] }
    }
}

impl Verify for Scripted {
    async fn verify(&self, _: &Token, deadline: Instant) -> Result<Introspection, Unavailable> {
        self.asked.lock().unwrap().push((Instant::now(), deadline));
        match self.next() {
            ScriptedAnswer::Answer => Ok(introspection()),
            ScriptedAnswer::Fail => Err(Unavailable::Away),
            ScriptedAnswer::Mumble => Err(Unavailable::Unclear),
            ScriptedAnswer::Hang => pending().await,
            ScriptedAnswer::Panic => panic!("the verifier's own bug"),
        }
    }
}

/// Returns a valid token.
pub(super) fn token() -> Token {
    Token::parse("a").unwrap()
}

/// Returns a user without roles.
pub(super) fn ada() -> Identity {
    Identity::user("ada")
}

/// Returns an inactive introspection, which is an answer too.
fn introspection() -> Introspection {
    Introspection::inactive(InactiveReason::Revoked)
}
