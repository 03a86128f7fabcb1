//! Tests of the layer below the verifier, which only this room can reach: form, key set, signature → payload.

mod flips;
mod jwk;
mod jws_vectors;
mod primitives;
mod rfc_8037;
mod verifier;

use std::sync::Arc;
use std::time::Duration;

use chrono::DateTime;
use kit::testing::start;
use uuid::Uuid;

use super::{Issuer, Key, KeySet, Verifier};
use crate::domain::{Roles, Session, User, UserState};

const SECRET: &str = "b3f1c8d2-7a64-4f0e-9d1b-2c5e8a7f6d3c";
const DAY: Duration = Duration::from_hours(24);

/// `SplitMix64` (Steele, Lea, Flood 2014): the same flips in every run.
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

fn ed25519() -> Key {
    Key::from_file(&kit::testing::folder().path().join("key.pem")).unwrap()
}

fn hs256() -> Key {
    Key::hs256(&SECRET.to_owned().into()).unwrap()
}

fn verifier(keys: &Arc<KeySet>) -> Verifier {
    Verifier::new(Arc::clone(keys), "gatepost".into(), "gatepost".into(), DAY)
}

/// A token of some user and session, each time of others.
fn issue(keys: &Arc<KeySet>, draw: &mut Draw) -> String {
    let user = User {
        id: draw.id(),
        name: "Ada".into(),
        email: "ada@example.com".into(),
        roles: if draw.below(2) == 0 { Roles::admin() } else { Roles::default() },
        state: UserState::Active,
        generation: i32::try_from(draw.below(1000)).unwrap(),
        revision: 1,
        create_time: start(),
        update_time: start(),
    };
    let session = Session {
        id: draw.id(),
        user_id: user.id,
        generation: user.generation,
        create_time: start(),
        expire_time: start() + Duration::from_mins(30),
    };
    let issuer = Issuer::new(Arc::clone(keys), "gatepost".into(), "gatepost".into(), DAY);
    issuer.access_token(&user, &session, draw.id(), start(), DateTime::UNIX_EPOCH).unwrap().token
}
