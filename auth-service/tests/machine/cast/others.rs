//! Calls without users: sessions, attempts, requests and keys.

use auth_service::domain::{Client, Failures, KEPT_GENERATIONS, RefreshDigest, SessionId, UserId, network};
use auth_service::store::Rotated;
use chrono::TimeDelta;

use super::super::calls::{AttemptCall, Call, KeptCall, SessionCall};
use super::super::model::Model;
use super::super::pools::{ACCOUNTS, ALLOWANCES, KINDS, LIMITS, LIVES, PEERS, USER_AGENTS, account};
use super::super::steps::Method;
use super::accounts::{email_key, generation};
use super::{Cast, Dice, Ending};

impl Cast {
    pub(super) fn call_for_others(&mut self, method: Method, dice: &mut Dice, model: &Model) -> Call {
        let now = self.now;
        match method {
            Method::CreateSession => {
                let user_id = self.somebody_with_sessions(dice);
                let generation = generation(user_id, dice, model);
                let (session, client) = self.session(user_id, generation, dice);
                Call::Sessions(SessionCall::Create { session, client })
            }
            Method::ListSessions => {
                let user_id = self.somebody_with_sessions(dice);
                let after = dice.one_in(2).then(|| dice.of(&self.sessions));
                Call::Sessions(SessionCall::List { user_id, after, limit: dice.of(&LIMITS), now })
            }
            Method::RevokeSession => {
                let id = self.session_of(dice);
                let owner = model.sessions.get(&id).map(|begun| begun.session.user_id);
                let user_id = dice.of(&[None, owner, owner, Some(self.users[0])]);
                Call::Sessions(SessionCall::Revoke { id, user_id, now })
            }
            Method::EndSession => Call::Sessions(SessionCall::End { id: dice.of(&self.sessions), now }),
            Method::IsKnownAt => {
                Call::Sessions(SessionCall::IsKnownAt { email_key: email_key(dice), network: place(dice) })
            }
            Method::Refreshable => Call::Sessions(SessionCall::Refreshable { id: self.session_of(dice) }),
            Method::Rotate => Call::Sessions(self.rotate(dice, model)),
            Method::RotateAgain => {
                let id = self.session_of(dice);
                let generation = refresh_generation(id, dice, model);
                let (graces, end) = (dice.roll().into(), now + dice.of(&LIVES));
                Call::Sessions(SessionCall::RotateAgain { id, generation, graces, end })
            }
            Method::SweepSessions => Call::Sessions(SessionCall::Sweep { now }),
            Method::Earlier => Call::Kept(KeptCall::Earlier { key: self.request(dice), now }),
            Method::PageTokenKey => Call::Kept(KeptCall::PageTokenKey { fresh: [dice.roll(); 64] }),
            _ => Call::Attempts(self.attempt(method, dice, model)),
        }
    }

    /// Returns a user. A few users get most of the sessions, so that each of them has more sessions than one call
    /// reads.
    fn somebody_with_sessions(&self, dice: &mut Dice) -> UserId {
        match self.ending {
            Some(Ending::Session(_, user_id)) if dice.one_in(2) => user_id,
            _ if dice.one_in(3) => self.user(dice),
            _ => self.users[usize::from(dice.roll() % 2)],
        }
    }

    fn rotate(&self, dice: &mut Dice, model: &Model) -> SessionCall {
        let id = self.session_of(dice);
        let generation = refresh_generation(id, dice, model);
        let (number, end) = (dice.roll(), self.now + dice.of(&LIVES));
        let older = model.sessions.get(&id).map(|begun| begun.rotation.digests.clone()).unwrap_or_default();
        let rotated = Rotated {
            salt: vec![number; 32],
            digests: std::iter::once(RefreshDigest([number; 32])).chain(older).take(KEPT_GENERATIONS).collect(),
            graces: i32::from(number) % 16,
            time: self.now,
            idle_expire_time: end,
            over_time: end,
        };
        let client = Client { peer: dice.of(&PEERS).to_owned(), user_agent: dice.of(&USER_AGENTS).to_owned() };
        SessionCall::Rotate { id, generation, rotated, client }
    }

    fn session_of(&self, dice: &mut Dice) -> SessionId {
        match self.ending {
            Some(Ending::Session(id, _)) if dice.one_in(2) => id,
            _ => dice.of(&self.sessions),
        }
    }

    fn attempt(&mut self, method: Method, dice: &mut Dice, model: &Model) -> AttemptCall {
        let now = self.now;
        let number = match self.ending {
            Some(Ending::Account(number)) if dice.one_in(2) => number,
            _ => dice.roll() % ACCOUNTS,
        };
        let account = account(number);
        match method {
            Method::ClaimAttempt => {
                let known = model.failures.get(&account).copied();
                let seen = known.unwrap_or(Failures { count: 1, last: now });
                let seen = Failures { count: seen.count + dice.of(&[0, 0, 0, -1, 1]), ..seen };
                self.claimed[usize::from(number)] = known;
                AttemptCall::Claim { account, seen, now }
            }
            Method::ReleaseAttempt => {
                // In most cases, the failures that were known before the claim.
                let claimed = self.claimed[usize::from(number)].filter(|_| !dice.one_in(4));
                let seen = claimed.unwrap_or(Failures { count: 2, last: now - TimeDelta::seconds(1) });
                AttemptCall::Release { account, seen }
            }
            Method::AddFailure => {
                let account = (!dice.one_in(4)).then_some(account);
                AttemptCall::Add { account, network: place(dice), allowance: dice.of(&ALLOWANCES), now }
            }
            Method::ClearFailures => AttemptCall::Clear { account },
            Method::Allowance => AttemptCall::Allowance { kind: dice.of(&KINDS), network: place(dice) },
            Method::UseAllowance => {
                let (kind, network) = (dice.of(&KINDS), place(dice));
                AttemptCall::Use { kind, network, allowance: dice.of(&ALLOWANCES), now }
            }
            _ => AttemptCall::Failures { account },
        }
    }
}

/// Returns the generation of the session's refresh token, or one next to it.
fn refresh_generation(id: SessionId, dice: &mut Dice, model: &Model) -> i32 {
    let generation = model.sessions.get(&id).map_or(0, |begun| begun.rotation.generation);
    generation + dice.of(&[0, 0, 0, 0, 0, -1, 1])
}

fn place(dice: &mut Dice) -> String {
    network(dice.of(&PEERS))
}
