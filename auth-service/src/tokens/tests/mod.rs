//! Tests of the layer below the verifier, which is private to `tokens`: form, key set, signature → payload.

mod algorithms;
mod flips;
mod inspected;
mod jws_vectors;
mod kinds;
mod remembered;
mod rfc_7515;
mod rfc_8037;
mod twins;
mod verifier;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use testkit::start;
use uuid::Uuid;

use super::{Issuer, Scope, Verifier};
use crate::domain::{Audiences, Horizon, Roles, User, UserState};
use crate::keys::model::tests::{SECRET, half, hs256, key, keys, other};
use crate::keys::model::{Algorithm, CurrentKeys, Key, KeySet, Timetable};

const DAY: Duration = Duration::from_hours(24);

/// `SplitMix64` (Steele, Lea, Flood 2014): the same random numbers in every run.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }

    fn id(&mut self) -> Uuid {
        Uuid::from_u64_pair(self.next(), self.next())
    }
}

/// Returns a set with a key of each algorithm; the key of this one signs.
fn set_of_all(signing: Algorithm) -> Arc<KeySet> {
    let others = keys().into_iter().filter(|key| key.algorithm() != signing);
    Arc::new(others.fold(KeySet::new(key(signing)), |set, key| set.with(half(&key))))
}

/// Signs any header over any payload, as the key's holder can.
fn sign(key: &Key, header: &Value, payload: &str) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(payload));
    let signature = key.sign(message.as_bytes()).unwrap();
    format!("{message}.{signature}")
}

/// Returns a decoded part of a token.
fn part(token: &str, index: usize) -> String {
    let part = token.split('.').nth(index).unwrap();
    String::from_utf8(URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

fn audiences() -> Audiences {
    Audiences::new(vec!["gatepost".into()], None).unwrap()
}

fn verifier(keys: &Arc<KeySet>) -> Verifier {
    verifier_by(Timetable::always(Arc::clone(keys)))
}

fn verifier_by(timetable: Timetable) -> Verifier {
    Verifier::new(Arc::new(CurrentKeys::new(timetable)), "gatepost".into(), audiences(), DAY)
}

/// Returns an issuer of tokens that live for a day.
fn issuer(keys: &Arc<KeySet>) -> Issuer {
    Issuer::new(Arc::new(CurrentKeys::new(Timetable::always(Arc::clone(keys)))), "gatepost".into(), DAY)
}

/// Issues a token of a random user and session.
fn issue(keys: &Arc<KeySet>, draw: &mut Draw) -> String {
    issue_after(keys, draw, Horizon::default())
}

/// Issues a token of a random user and session in a log with this horizon.
fn issue_after(keys: &Arc<KeySet>, draw: &mut Draw, horizon: Horizon) -> String {
    let user = User {
        id: draw.id().into(),
        name: "Ada".into(),
        email: "ada@example.com".into(),
        roles: if draw.below(2) == 0 { Roles::admin() } else { Roles::default() },
        state: UserState::Active,
        generation: i32::try_from(draw.below(1000)).unwrap(),
        revision: 1,
        create_time: start(),
        update_time: start(),
    };
    let (session, end) = (draw.id().into(), start() + Duration::from_mins(30));
    let scope = Scope { session, end, audiences: &["gatepost".into()] };
    issuer(keys).access_token(&user, scope, draw.id().into(), start(), horizon).unwrap().token
}
