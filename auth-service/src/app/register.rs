//! Registers users. A request id lets a caller that has lost the answer repeat the request.

use db::requests::{self, Earlier};
use kit::request_id::{Fingerprint, RequestId, RequestKey};

use super::accounts::PasswordPurpose;
use super::{App, Caller, SessionTokens, login};
use crate::domain::{AuditContext, AuditKind, Email, Name, NewPassword, NewUser, Password, Roles, User, UserId};
use crate::error::AuthError;
use crate::store::{Created, FirstSession};

const METHOD: &str = "gatepost.auth.v1.UserService/CreateUser";

/// Request of a registration, with valid fields.
pub(crate) struct Registrant {
    pub(crate) name: Name,
    pub(crate) email: Email,
    pub(crate) password: NewPassword,
    pub(crate) request_id: Option<RequestId>,
    pub(crate) validate_only: bool,
}

/// Result of a registration.
pub(crate) enum Registered {
    /// The account, and the first tokens if registration logs in.
    Account(Box<User>, Option<SessionTokens>),
    /// Name and email of a registration that was only validated, and would succeed.
    Checked(Name, Email),
}

impl Registrant {
    /// Returns the key that recognizes a repetition of this request. The fingerprint leaves out the password, which is never
    /// stored.
    fn request(&self, caller: Option<Caller>) -> Option<RequestKey> {
        self.request_id.map(|id| RequestKey {
            caller: caller.and_then(Caller::id).unwrap_or_default(),
            method: METHOD,
            id,
            fingerprint: Fingerprint::from_fields(&[self.name.as_str(), self.email.as_str()]),
        })
    }
}

/// Creates an account, or only validates the request.
pub(crate) async fn register(
    app: &App,
    caller: Option<Caller>,
    context: &AuditContext,
    registrant: Registrant,
) -> Result<Registered, AuthError> {
    let request = registrant.request(caller);
    let made = earlier(app, request.as_ref()).await?;
    if registrant.validate_only {
        return check(app, made, registrant).await;
    }
    let password = registrant.password.into_password();
    if let Some(id) = made {
        return repeat(app, id, context, password).await;
    }
    if app.registration_logs_in {
        app.issuing.check_signs()?;
    }
    let new = NewUser {
        password_hash: app.attempts.hash(&context.client, password.clone()).await?,
        id: app.issuing.ids.next(),
        name: registrant.name,
        email: registrant.email,
        roles: Roles::default(),
        create_time: app.clock.now(),
    };
    let begun = app.registration_logs_in.then(|| app.issuing.new_session(new.id, 1));
    let first = begun.as_ref().map(|begun| FirstSession { session: &begun.session, client: &context.client });
    let event = app.audit.event(AuditKind::UserCreated, context);
    let user = match app.store.create_user(&new, first, request.as_ref(), &event).await? {
        Created::User(user) => user,
        Created::EmailTaken => return Err(AuthError::EmailTaken),
        Created::Repeated => {
            // The same request ran twice at the same time, and the other run finished first.
            let made = earlier(app, request.as_ref()).await?;
            return repeat(app, made.unwrap_or(new.id), context, password).await;
        }
    };
    let tokens = begun.map(|begun| app.issuing.tokens(&user, &begun, app.audiences.default())).transpose()?;
    Ok(Registered::Account(user, tokens))
}

/// Returns the user that this request created earlier.
async fn earlier(app: &App, request: Option<&RequestKey>) -> Result<Option<UserId>, AuthError> {
    let Some(key) = request else { return Ok(None) };
    match requests::find(app.store.db(), key, app.clock.now()).await? {
        Some(Earlier::Same(id)) => Ok(Some(id)),
        Some(Earlier::Other) => Err(AuthError::RequestIdReused),
        None => Ok(None),
    }
}

/// Answers a repeated request after its user was created. The password is not stored with the request, so the caller must
/// prove it, as at a login, before it gets tokens.
async fn repeat(app: &App, id: UserId, context: &AuditContext, password: Password) -> Result<Registered, AuthError> {
    if !app.registration_logs_in {
        let user = app.store.user(id).await?.ok_or_else(|| AuthError::UserNotFound(id.to_string()))?;
        return Ok(Registered::Account(Box::new(user), None));
    }
    let user = app.attempts.check(PasswordPurpose::Proof(id), context, password).await?;
    let tokens = login::begin(app, &user, context, app.audiences.default()).await?;
    Ok(Registered::Account(Box::new(user), Some(tokens)))
}

/// Checks that a registration would succeed.
async fn check(app: &App, made: Option<UserId>, registrant: Registrant) -> Result<Registered, AuthError> {
    if made.is_none() && app.store.credentials(registrant.email.key()).await?.is_some() {
        return Err(AuthError::EmailTaken);
    }
    Ok(Registered::Checked(registrant.name, registrant.email))
}
