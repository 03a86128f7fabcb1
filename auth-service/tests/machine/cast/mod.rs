//! Converts the dice of a step to a call when the step runs. The call uses users, sessions and keys that the model
//! knows at that time.

mod accounts;
mod others;

use chrono::TimeDelta;
use kit::request_id::{Fingerprint, REQUEST_ID_LIFETIME, RequestId, RequestKey};
use testkit::{machine, start};
use uuid::Uuid;

use super::calls::{Call, Time};
use super::model::Model;
use super::pools::{ACCOUNTS, CALLERS, REQUESTS, SAID};
use super::steps::{Method, Passes, Step};
use auth_service::domain::{Failures, SessionId, UserId};

/// The possible targets of calls: the latest user and session at each place.
pub(crate) struct Cast {
    pub(crate) now: Time,
    pub(crate) users: [UserId; 12],
    pub(crate) sessions: [SessionId; 32],
    /// Failures of each account before the last claim.
    claimed: [Option<Failures>; ACCOUNTS as usize],
    /// The target whose expiry the clock was last advanced to. Later calls usually use the same target.
    ending: Option<Ending>,
    made: u16,
}

/// A target that has ended.
#[derive(Clone)]
enum Ending {
    Session(SessionId, UserId),
    Request(String, RequestId),
    Account(u8),
    Allowance,
}

type Dice = machine::Dice<16>;

impl Cast {
    pub(crate) fn new() -> Self {
        let nobody = std::array::from_fn(|place| UserId::from_u128(place as u128 + 1));
        let nothing = std::array::from_fn(|place| SessionId::from_u128(place as u128 + 1));
        Self {
            now: start(),
            users: nobody,
            sessions: nothing,
            claimed: [None; ACCOUNTS as usize],
            ending: None,
            made: 0,
        }
    }

    /// Returns the call of this step.
    pub(crate) fn call(&mut self, step: Step, model: &Model) -> Call {
        self.now = self.later(step.passes, model);
        let dice = &mut Dice::new(step.dice);
        if step.method <= Method::DeleteUser {
            self.call_for_users(step.method, dice, model)
        } else {
            self.call_for_others(step.method, dice, model)
        }
    }

    fn later(&mut self, passes: Passes, model: &Model) -> Time {
        let (which, and) = match passes {
            Passes::So(span) => return self.now + span,
            Passes::UntilAnEnd { which, and } => (which, and),
        };
        let sessions = model.sessions.values().map(|begun| {
            let session = &begun.session;
            (session.over_time, Ending::Session(session.id, session.user_id))
        });
        let requests = model.requests.iter().map(|((caller, _, id), request)| {
            (request.time + REQUEST_ID_LIFETIME, Ending::Request(caller.clone(), *id))
        });
        let failures = model
            .failures
            .iter()
            .map(|(account, failures)| (failures.last + TimeDelta::hours(24), Ending::Account(account[0])));
        let allowances = model.allowances.values().map(|full| (*full, Ending::Allowance));
        let ends = sessions.chain(requests).chain(failures).chain(allowances);
        let mut coming: Vec<(Time, Ending)> =
            ends.map(|(end, what)| (end + and, what)).filter(|(end, _)| *end >= self.now).collect();
        coming.sort_unstable_by_key(|(end, _)| *end);
        let Some((end, what)) = coming.into_iter().nth(which.into()) else { return self.now };
        self.ending = Some(what);
        end
    }

    /// Returns the id of a new row: the time's millisecond, then a random part.
    fn fresh<Id: From<Uuid>>(&mut self, die: u8) -> Id {
        self.made += 1;
        let millis = u128::try_from(self.now.timestamp_millis()).unwrap();
        let number = (millis << 80) | (7 << 76) | (2 << 62) | (u128::from(die) << 16) | u128::from(self.made);
        Uuid::from_u128(number).into()
    }

    /// Returns a request's id, or `None`.
    fn request(&self, dice: &mut Dice) -> RequestKey {
        let fingerprint = Fingerprint::from_fields(&[dice.of(&SAID)]);
        let (caller, id) = match &self.ending {
            Some(Ending::Request(caller, id)) if dice.one_in(2) => (caller.clone(), *id),
            _ => (dice.of(&CALLERS).to_owned(), RequestId::from_u128(0xf00 + u128::from(dice.roll() % REQUESTS))),
        };
        RequestKey { caller, method: "CreateUser", id, fingerprint }
    }

    /// Returns every request that a sequence may have made.
    pub(crate) fn requests() -> impl Iterator<Item = RequestKey> {
        (0..REQUESTS).flat_map(|id| SAID.map(|said| (id, said))).flat_map(|(id, said)| {
            CALLERS.map(|caller| RequestKey {
                caller: caller.to_owned(),
                method: "CreateUser",
                id: RequestId::from_u128(0xf00 + u128::from(id)),
                fingerprint: Fingerprint::from_fields(&[said]),
            })
        })
    }
}
