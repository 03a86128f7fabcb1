//! One run of a sequence: its targets and its model.

use auth_service::domain::network;
use auth_service::store::{AuthStore, Filter, StoreError};
use chrono::TimeDelta;
use testkit::machine::Machine;

use super::calls::{Answer, AttemptCall, Call, KeptCall, SessionCall, UserCall};
use super::cast::Cast;
use super::model::Model;
use super::opens::Opens;
use super::pools::{ACCOUNTS, KINDS, PEERS, account};
use super::steps::Step;

pub(crate) struct Game {
    model: Model,
    cast: Cast,
}

impl Default for Game {
    fn default() -> Self {
        Self { model: Model::default(), cast: Cast::new() }
    }
}

impl Machine for Game {
    type Opening = Opens;
    type Step = Step;
    type Call = Call;
    type Answer = Answer;

    const EMPTY: &'static str = "begin; delete from sessions; delete from user_roles; delete from users; delete from deleted_users; \
     delete from requests; delete from failed_attempts; delete from allowances; delete from secrets; commit";

    fn call(&mut self, step: Step) -> Call {
        self.cast.call(step, &self.model)
    }

    fn answer(&mut self, call: &Call) -> Answer {
        self.model.answer(call)
    }

    fn everything(&self) -> Vec<Call> {
        everything(&self.model, &self.cast)
    }

    async fn ask(call: &Call, store: &AuthStore) -> Result<Answer, StoreError> {
        call.ask(store).await
    }
}

/// Returns calls that read all rows, present and past.
fn everything(model: &Model, cast: &Cast) -> Vec<Call> {
    let now = cast.now;
    let all = UserCall::List { filter: Filter::default(), after: None, limit: 1000 };
    let mut calls = vec![Call::Users(all)];
    for id in model.users.keys().chain(&cast.users).copied() {
        calls.push(Call::Users(UserCall::CredentialsOf { id }));
        calls.push(Call::Sessions(SessionCall::List { user_id: id, after: None, limit: 1000, now }));
    }
    for begun in model.sessions.values() {
        let (id, user_id) = (begun.session.id, begun.session.user_id);
        calls.push(Call::Sessions(SessionCall::Refreshable { id }));
        // Just before its end, and exactly at its end.
        let end = begun.session.over_time;
        for now in [end - TimeDelta::microseconds(1), end] {
            calls.push(Call::Sessions(SessionCall::List { user_id, after: None, limit: 1000, now }));
        }
    }
    calls.extend((0..ACCOUNTS).map(|number| Call::Attempts(AttemptCall::Failures { account: account(number) })));
    for (kind, peer) in KINDS.into_iter().flat_map(|kind| PEERS.map(|peer| (kind, peer))) {
        calls.push(Call::Attempts(AttemptCall::Allowance { kind, network: network(peer) }));
    }
    calls.extend(Cast::requests().map(|key| Call::Kept(KeptCall::Earlier { key, now })));
    calls
}
