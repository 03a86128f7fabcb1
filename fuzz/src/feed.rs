//! The revocation feed of a hostile auth service: a revoked token stays revoked, and the state stays small.

use std::time::Duration;

use gatepost::api::auth::v1::WatchRevocationsResponse;
use gatepost::api::auth::v1::revocation::Target;
use gatepost::api::auth::v1::watch_revocations_response::Message as FeedMessage;
use gatepost::revocation_state::{Evidence, LEASE, RevocableClaims, Validity};
use gatepost::testing::fuzzing::ScriptedFeed;
use prost::Message as _;

const MAX_ENTRIES: usize = 16;

/// Steps with a meaning of their own, in place of the length of a message.
const ADVANCE: u8 = 255;
const ASK: u8 = 254;
const INTROSPECT: u8 = 253;

const CLAIMS: RevocableClaims<'_> = RevocableClaims { subject: "u1", session: "s1", generation: 1, key: "k1" };

/// An introspection that the guard has cached.
struct Cached {
    evidence: Evidence,
    /// Set once the guard may never use the introspection again.
    is_dead: bool,
}

struct Guard {
    feed: ScriptedFeed,
    cached: Vec<Cached>,
    /// Time of the last renewal that was sent.
    asked: Duration,
}

/// Applies messages, each behind its length, and steps of the guard between them.
pub fn feed(mut data: &[u8]) {
    let mut guard = Guard { feed: ScriptedFeed::new(MAX_ENTRIES), cached: Vec::new(), asked: Duration::ZERO };
    guard.feed.clock().advance(Duration::from_hours(1));
    while let Some((&step, rest)) = data.split_first() {
        data = rest;
        match step {
            ADVANCE => {
                let (by, rest) = data.split_first().unwrap_or((&0, &[]));
                guard.feed.clock().advance(Duration::from_millis(u64::from(*by) * 10));
                data = rest;
            }
            ASK => {
                guard.asked = guard.feed.clock().now();
                guard.feed.ask();
            }
            INTROSPECT => guard.introspect(),
            length => {
                let (message, rest) = data.split_at_checked(length.into()).unwrap_or((data, &[]));
                guard.apply(message);
                data = rest;
            }
        }
        guard.check();
    }
}

impl Guard {
    /// Caches the answer that the token is active at the feed's position.
    fn introspect(&mut self) {
        if let Some(position) = self.feed.position() {
            let evidence = Evidence { position, asked: self.feed.clock().now(), ttl: Duration::from_mins(1) };
            self.cached.push(Cached { evidence, is_dead: false });
        }
    }

    /// Applies a message. The stream of a guard ends at bytes that are none, and the state stays.
    fn apply(&mut self, message: &[u8]) {
        let Ok(message) = WatchRevocationsResponse::decode(message) else { return };
        let is_deadly = message.message.as_ref().is_some_and(kills);
        let is_taken = self.feed.apply(message).is_ok();
        if !is_taken {
            assert_eq!(self.feed.position(), None, "a gap drops all state");
        }
        if !is_taken || is_deadly {
            self.cached.iter_mut().for_each(|cached| cached.is_dead = true);
        }
    }

    fn check(&self) {
        assert!(self.feed.entries() <= MAX_ENTRIES, "the state is bounded");
        let now = self.feed.clock().now();
        for Cached { evidence, is_dead } in &self.cached {
            let is_valid = self.feed.validity(evidence, CLAIMS) == Validity::Valid;
            assert!(!is_valid || !is_dead, "a revoked token stays revoked");
            let newest = evidence.asked.max(self.asked);
            assert!(!is_valid || now <= newest + LEASE, "no introspection outlives its evidence");
        }
    }
}

/// Returns true for a message that ends all cached introspections of the token.
fn kills(message: &FeedMessage) -> bool {
    match message {
        FeedMessage::Reset(_) => true,
        FeedMessage::Revocation(revocation) => match &revocation.target {
            Some(Target::SessionId(id) | Target::ApiKeyId(id)) => id == CLAIMS.session || id == CLAIMS.subject,
            Some(Target::User(user)) => user.user_id == CLAIMS.subject && user.generation > CLAIMS.generation,
            Some(Target::SigningKeyId(id)) => id == CLAIMS.key,
            _ => false,
        },
        _ => false,
    }
}
