//! Plays a sequence on the model and on the engines, side by side.

use auth_service::store::Filter;
use chrono::TimeDelta;
use kit::testing::machine::Found;

use super::calls::{AttemptCall, Call, KeptCall, SessionCall, UserCall};
use super::cast::Cast;
use super::engines::Engines;
use super::model::Model;
use super::pools::{ACCOUNTS, KEYS, KINDS, PEERS, account};
use super::steps::Step;
use auth_service::domain::network;

/// After how many steps everything is read.
const READ_ALL: usize = 500;

/// Plays the steps on empty databases; what the model is told of a call is `told`'s to say.
///
/// # Errors
/// The first call that the engines and the model do not answer alike.
pub(crate) async fn play(engines: &mut Engines, steps: &[Step], told: fn(Call) -> Call) -> Result<(), String> {
    engines.empty().await;
    let (mut model, mut cast) = (Model::default(), Cast::new());
    for (number, step) in (1..).zip(steps) {
        let call = cast.call(*step, &model);
        let expected = model.answer(&told(call.clone()));
        Box::pin(engines.must_answer(&call, &expected)).await?;
        if number % READ_ALL == 0 || number == steps.len() {
            for call in everything(&model, &cast) {
                let expected = model.answer(&call);
                Box::pin(engines.must_answer(&call, &expected)).await?;
            }
        }
    }
    Ok(())
}

/// Calls that read all that there is, and all that there was.
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
        calls.push(Call::Sessions(SessionCall::Standing { user_id, id }));
        // Just before its end, and at it.
        let end = begun.session.expire_time;
        for now in [end - TimeDelta::microseconds(1), end] {
            calls.push(Call::Sessions(SessionCall::List { user_id, after: None, limit: 1000, now }));
        }
    }
    calls.extend((0..ACCOUNTS).map(|number| Call::Attempts(AttemptCall::Failures { account: account(number) })));
    for (kind, peer) in KINDS.into_iter().flat_map(|kind| PEERS.map(|peer| (kind, peer))) {
        calls.push(Call::Attempts(AttemptCall::Allowance { kind, network: network(peer) }));
    }
    calls.extend(Cast::requests().map(|key| Call::Kept(KeptCall::Earlier { key, now })));
    calls.extend(KEYS.map(|name| Call::Kept(KeptCall::SealedKey { name: name.to_owned() })));
    calls
}

/// What was found, as the calls that it is.
pub(crate) fn told(found: &Found<Step>) -> String {
    let (mut model, mut cast) = (Model::default(), Cast::new());
    let mut text = format!("{} steps find a difference:\n", found.steps.len());
    for step in &found.steps {
        let call = cast.call(*step, &model);
        model.answer(&call);
        text = text + "  " + &format!("{call:?}") + "\n";
    }
    text + "the last of these, or what is read after it: " + &found.reason
}
