//! Registration, also of a caller that has lost the answer and asks again.

use gatepost::api::auth::v1::CreateUserResponse;
use kit::db::requests::{self, Earlier};
use kit::request_id::RequestKey;
use uuid::Uuid;

use super::Caller;
use crate::app::State;
use crate::app::Tried;
use crate::app::attempts::line;
use crate::app::login;
use crate::config::Registration;
use crate::convert::{self, Registrant};
use crate::domain::{Client, NewUser, Password, Roles, network};
use crate::error::Error;
use crate::store::Created;

const METHOD: &str = "gatepost.auth.v1.UserService/CreateUser";

pub(super) async fn create(
    state: &State,
    caller: Option<Caller>,
    client: &Client,
    registrant: Registrant,
) -> Result<CreateUserResponse, Error> {
    let request = registrant.request_id.map(|id| RequestKey {
        caller: caller.and_then(|caller| caller.user().ok()).map(|user| user.to_string()).unwrap_or_default(),
        method: METHOD,
        id,
        fingerprint: registrant.fingerprint(),
    });
    let made = earlier(state, request.as_ref()).await?;
    if registrant.validate_only {
        return validate(state, made, &registrant).await;
    }
    if let Some(id) = made {
        return repeat(state, id, client, registrant.password.into_password()).await;
    }
    let password = registrant.password.into_password();
    if logs_in(state) {
        state.check_signs()?;
    }
    let network = network(&client.peer);
    let password_hash = state.hasher.hash(line(state.attempts, &network), password.clone()).await?;
    let new = NewUser {
        id: state.ids.next(),
        name: registrant.name,
        email: registrant.email,
        password_hash,
        roles: Roles::default(),
        create_time: state.clock.now(),
    };
    let session = logs_in(state).then(|| state.new_session(new.id, 1));
    let first = session.as_ref().map(|(session, _)| (session, client));
    let user = match state.store.create_user(&new, first, request.as_ref()).await? {
        Created::User(user) => *user,
        Created::EmailTaken => return Err(Error::EmailTaken),
        Created::Repeated => {
            // The same request was under way twice, and the other one came first.
            let made = earlier(state, request.as_ref()).await?;
            return repeat(state, made.unwrap_or(new.id), client, password).await;
        }
    };
    let tokens = session
        .map(|(session, refresh)| state.tokens(&user, (&session, &refresh), state.audiences.default()))
        .transpose()?;
    Ok(CreateUserResponse { tokens: tokens.map(convert::tokens), user: Some(convert::user(user, true)) })
}

/// Closed registration has let only an admin in, who is not to hold the new user's tokens.
fn logs_in(state: &State) -> bool {
    state.registration == Registration::Open
}

/// The user that this very request has made before.
async fn earlier(state: &State, request: Option<&RequestKey>) -> Result<Option<Uuid>, Error> {
    let Some(key) = request else { return Ok(None) };
    match requests::find(state.store.db(), key, state.clock.now()).await? {
        Some(Earlier::Same(id)) => Ok(Some(id)),
        Some(Earlier::Other) => Err(Error::RequestIdReused),
        None => Ok(None),
    }
}

/// Answers a request that has made its user already. It is not remembered with its password, so that whoever is to be
/// logged in by it has the password checked as at a login.
async fn repeat(state: &State, id: Uuid, client: &Client, password: Password) -> Result<CreateUserResponse, Error> {
    if !logs_in(state) {
        let user = state.store.user(id).await?.ok_or_else(|| Error::UserNotFound(id.to_string()))?;
        return Ok(CreateUserResponse { user: Some(convert::user(user, true)), tokens: None });
    }
    let user = login::check(state, Tried::Proof(id), client, password).await?;
    let tokens = login::begin(state, &user, client, state.audiences.default()).await?;
    Ok(CreateUserResponse { tokens: Some(tokens), user: Some(convert::user(user, true)) })
}

/// What a registration would come to.
async fn validate(state: &State, made: Option<Uuid>, registrant: &Registrant) -> Result<CreateUserResponse, Error> {
    if made.is_none() && state.store.credentials(registrant.email.key()).await?.is_some() {
        return Err(Error::EmailTaken);
    }
    Ok(CreateUserResponse { user: Some(convert::user_to_be(registrant)), tokens: None })
}
