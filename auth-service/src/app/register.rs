//! Registration, also of a caller that has lost the answer and asks again.

use db::requests::{self, Earlier};
use kit::request_id::{Fingerprint, RequestKey};
use uuid::Uuid;

use super::accounts::Tried;
use super::{App, Caller, TokenPair, login};
use crate::domain::{Client, Email, Name, NewPassword, NewUser, Password, Roles, User};
use crate::error::Error;
use crate::store::Created;

const METHOD: &str = "gatepost.auth.v1.UserService/CreateUser";

/// A registration whose fields keep their rules.
pub(crate) struct Registrant {
    pub(crate) name: Name,
    pub(crate) email: Email,
    pub(crate) password: NewPassword,
    pub(crate) request_id: Option<Uuid>,
    pub(crate) validate_only: bool,
}

/// The result of a registration.
pub(crate) enum Registered {
    /// The account, and the first tokens where registration logs in.
    Account(Box<User>, Option<TokenPair>),
    /// Name and email of a registration that was only checked, and would succeed.
    Checked(Name, Email),
}

impl Registrant {
    /// Returns the key under which the same request is found again. The fingerprint covers all but the password, which is
    /// never kept.
    fn request(&self, caller: Option<Caller>) -> Option<RequestKey> {
        let caller = caller.and_then(|caller| caller.user().ok());
        self.request_id.map(|id| RequestKey {
            caller: caller.map(|user| user.to_string()).unwrap_or_default(),
            method: METHOD,
            id,
            fingerprint: Fingerprint::from_fields(&[self.name.as_str(), self.email.as_str()]),
        })
    }
}

/// Makes an account, or checks that it could be made.
pub(crate) async fn register(
    app: &App,
    caller: Option<Caller>,
    client: &Client,
    registrant: Registrant,
) -> Result<Registered, Error> {
    let request = registrant.request(caller);
    let made = earlier(app, request.as_ref()).await?;
    if registrant.validate_only {
        return check(app, made, registrant).await;
    }
    let password = registrant.password.into_password();
    if let Some(id) = made {
        return repeat(app, id, client, password).await;
    }
    if app.registration_logs_in {
        app.issuing.check_signs()?;
    }
    let new = NewUser {
        password_hash: app.attempts.hash(client, password.clone()).await?,
        id: app.issuing.ids.next(),
        name: registrant.name,
        email: registrant.email,
        roles: Roles::default(),
        create_time: app.clock.now(),
    };
    let session = app.registration_logs_in.then(|| app.issuing.new_session(new.id, 1));
    let first = session.as_ref().map(|(session, _)| (session, client));
    let user = match app.store.create_user(&new, first, request.as_ref()).await? {
        Created::User(user) => user,
        Created::EmailTaken => return Err(Error::EmailTaken),
        Created::Repeated => {
            // The same request was under way twice, and the other one came first.
            let made = earlier(app, request.as_ref()).await?;
            return repeat(app, made.unwrap_or(new.id), client, password).await;
        }
    };
    let tokens = session
        .map(|(session, refresh)| app.issuing.tokens(&user, (&session, &refresh), app.audiences.default()))
        .transpose()?;
    Ok(Registered::Account(user, tokens))
}

/// Returns the user that this very request has made before.
async fn earlier(app: &App, request: Option<&RequestKey>) -> Result<Option<Uuid>, Error> {
    let Some(key) = request else { return Ok(None) };
    match requests::find(app.store.db(), key, app.clock.now()).await? {
        Some(Earlier::Same(id)) => Ok(Some(id)),
        Some(Earlier::Other) => Err(Error::RequestIdReused),
        None => Ok(None),
    }
}

/// Answers a request that has made its user already. The request is not remembered with its password, so the password is
/// checked as at a login before the caller gets tokens.
async fn repeat(app: &App, id: Uuid, client: &Client, password: Password) -> Result<Registered, Error> {
    if !app.registration_logs_in {
        let user = app.store.user(id).await?.ok_or_else(|| Error::UserNotFound(id.to_string()))?;
        return Ok(Registered::Account(Box::new(user), None));
    }
    let user = app.attempts.check(Tried::Proof(id), client, password).await?;
    let tokens = login::begin(app, &user, client, app.audiences.default()).await?;
    Ok(Registered::Account(Box::new(user), Some(tokens)))
}

/// Checks that a registration would succeed.
async fn check(app: &App, made: Option<Uuid>, registrant: Registrant) -> Result<Registered, Error> {
    if made.is_none() && app.store.credentials(registrant.email.key()).await?.is_some() {
        return Err(Error::EmailTaken);
    }
    Ok(Registered::Checked(registrant.name, registrant.email))
}
