//! Converts between wire messages and domain types.

mod api_key;
mod audit;
mod context;
mod feed;

use std::borrow::Cow;
use std::time::SystemTime;

use chrono::{DateTime, Utc};
use gatepost::Identity;
use gatepost::api::auth::v1;
use kit::failure::Violation;
use kit::mask::MaskField;
use kit::{etag, mask, page, request_id};
use prost_types::Timestamp;

use crate::app::SessionTokens;
use crate::app::password_reset::IssuedCode;
use crate::app::register::{Registered, Registrant};
use crate::app::users::UserUpdate;
use crate::domain::{
    Audiences, Email, EntryFingerprint, ListedSession, LogId, Logged, LoginActivity, Name, Password, PasswordPolicy,
    Position, Role, Roles, SessionId, User, UserChange, UserState,
};
use crate::error::AuthError;
use crate::keys::model::PublicKey;
use crate::store::Filter;
use crate::tokens::{Claims, VerifiedToken};

pub(crate) use api_key::{api_key, api_key_change, api_key_claims, api_key_id, api_key_identity, new_api_key, overlap};
pub(crate) use audit::{audit_cursor, audit_event, audit_filter, audit_scope, cursor_text};
pub(crate) use context::{context, of_headers};
pub(crate) use feed::{feed_event, greeting};

pub(crate) fn registrant(request: v1::CreateUserRequest, passwords: PasswordPolicy) -> Result<Registrant, AuthError> {
    let mut violations = Vec::new();
    let name = Name::parse(&request.name).map_err(|_| violations.push(Violation::new("name", Name::RULE)));
    let email = Email::parse(&request.email).map_err(|_| violations.push(EMAIL));
    // An invalid field is not compared with the password: it may have any length.
    let own_words = [name.as_ref().map_or("", Name::as_str), email.as_ref().map_or("", Email::as_str)];
    let password = passwords
        .accept(request.password, &own_words)
        .map_err(|error| violations.push(Violation::new("password", error.to_string())));
    let request_id = request_id::parse(&request.request_id)
        .map_err(|description| violations.push(Violation::new("request_id", description)));
    match (name, email, password, request_id) {
        (Ok(name), Ok(email), Ok(password), Ok(request_id)) => {
            Ok(Registrant { name, email, password, request_id, validate_only: request.validate_only })
        }
        _ => Err(AuthError::InvalidFields(violations)),
    }
}

const EMAIL: Violation = Violation { field: Cow::Borrowed("email"), description: Cow::Borrowed(Email::RULE) };

pub(crate) fn email(text: &str) -> Result<Email, AuthError> {
    Email::parse(text).map_err(|_| AuthError::InvalidFields(vec![EMAIL]))
}

pub(crate) fn user_update(request: v1::UpdateUserRequest) -> Result<UserUpdate, AuthError> {
    let patch = request.patch.unwrap_or_default();
    let mut violations = Vec::new();
    let mask = request.update_mask.as_ref().map(|mask| mask.paths.as_slice());
    let fields = [
        MaskField { name: "name", is_present: patch.name.is_some() },
        MaskField { name: "email", is_present: patch.email.is_some() },
    ];
    let chosen = mask::chosen(mask, &fields).unwrap_or_else(|| {
        violations.push(Violation::new("update_mask", mask::RULE));
        Vec::new()
    });
    let mut change = UserChange::default();
    if chosen.contains(&"name") {
        match Name::parse(&patch.name.unwrap_or_default()) {
            Ok(name) => change.name = Some(name),
            Err(_) => violations.push(Violation::new("patch.name", Name::RULE)),
        }
    }
    if chosen.contains(&"email") {
        match Email::parse(&patch.email.unwrap_or_default()) {
            Ok(email) => change.email = Some(email),
            Err(_) => violations.push(Violation::new("patch.email", Email::RULE)),
        }
        if request.current_password.is_empty() {
            let description = "must be the caller's own password when an email address is to be changed";
            violations.push(Violation::new("current_password", description));
        }
    }
    if chosen.is_empty() && violations.is_empty() {
        violations.push(Violation::new("patch", mask::EMPTY_RULE));
    }
    if !violations.is_empty() {
        return Err(AuthError::InvalidFields(violations));
    }
    let current_password = Password::new(request.current_password);
    Ok(UserUpdate { change, current_password, expected: etag::expected(&request.etag) })
}

/// Writes a position in the log of revocations.
pub(crate) fn position(position: Position) -> v1::Position {
    let Position { log, last } = position;
    v1::Position { log_id: log.0.to_vec(), revision: last.revision, mark: last.fingerprint.0.to_vec() }
}

/// Reads the position up to which a guard knows the log.
pub(crate) fn known(position: v1::Position) -> Result<Position, AuthError> {
    let v1::Position { log_id, revision, mark } = position;
    match (log_id.try_into(), mark.try_into()) {
        (Ok(log), Ok(mark)) => {
            Ok(Position { log: LogId(log), last: Logged { revision, fingerprint: EntryFingerprint(mark) } })
        }
        _ => Err(AuthError::violation(
            "resume.position",
            "must be a position from this service, with 16 bytes of log_id and 16 bytes of mark",
        )),
    }
}

pub(crate) fn roles(words: &[String]) -> Result<Roles, AuthError> {
    Roles::parse(words).ok_or_else(|| AuthError::violation("roles", Roles::RULE))
}

pub(crate) fn filter(filter: Option<v1::UserFilter>) -> Result<Filter, AuthError> {
    let filter = filter.unwrap_or_default();
    let mut violations = Vec::new();
    let state = match v1::UserState::try_from(filter.state) {
        Ok(v1::UserState::Unspecified) => None,
        Ok(v1::UserState::Active) => Some(UserState::Active),
        Ok(v1::UserState::Disabled) => Some(UserState::Disabled),
        Err(_) => {
            let description = "must be USER_STATE_ACTIVE or USER_STATE_DISABLED";
            violations.push(Violation::new("filter.state", description));
            None
        }
    };
    let role = Some(filter.role.as_str()).filter(|role| !role.is_empty()).and_then(|role| {
        let description = "must be a role, `[a-z][a-z0-9._-]{0,62}`";
        Role::parse(role).or_else(|| {
            violations.push(Violation::new("filter.role", description));
            None
        })
    });
    let email_key = Some(filter.email.as_str()).filter(|email| !email.is_empty()).and_then(|email| {
        let email = Email::parse(email);
        email
            .map_err(|_| violations.push(Violation::new("filter.email", Email::RULE)))
            .ok()
            .map(|email| email.key().to_owned())
    });
    if violations.is_empty() {
        Ok(Filter { email_key, role, state })
    } else {
        Err(AuthError::InvalidFields(violations))
    }
}

/// Returns the scope of a page token of `ListUsers`. Different filters have different scopes, because neither a
/// canonical email nor a role contains a blank.
pub(crate) fn scope(filter: &Filter) -> String {
    let state = match filter.state {
        None => "any",
        Some(UserState::Active) => "active",
        Some(UserState::Disabled) => "disabled",
    };
    let role = filter.role.as_ref().map_or("", Role::as_str);
    let email = filter.email_key.as_deref().unwrap_or_default();
    format!("gatepost.auth.v1.UserService/ListUsers state={state} role={role} email={email}")
}

/// Reads the requested audiences.
pub(crate) fn audiences(known: &Audiences, wanted: Vec<String>) -> Result<Vec<String>, AuthError> {
    const DESCRIPTION: &str = "must be an audience that this service issues tokens for, listed once";
    known.choose(wanted).map_err(|place| AuthError::violation(format!("audiences[{place}]"), DESCRIPTION))
}

pub(crate) fn page_size(size: i32) -> Result<u32, AuthError> {
    page::size(size).ok_or_else(|| AuthError::violation("page_size", page::SIZE_RULE))
}

/// Writes a user, with email and roles only if `in_full`.
pub(crate) fn user(user: User, in_full: bool) -> v1::User {
    let roles = user.roles.words().into_iter().map(str::to_owned);
    v1::User {
        id: user.id.to_string(),
        roles: roles.filter(|_| in_full).collect(),
        name: user.name,
        email: if in_full { user.email } else { String::new() },
        state: state_of(user.state).into(),
        create_time: Some(time(user.create_time)),
        update_time: Some(time(user.update_time)),
        etag: etag::from_revision(user.revision),
        ..v1::User::default()
    }
}

/// Adds the logins that only admins see.
pub(crate) fn with_logins(user: v1::User, activity: LoginActivity) -> v1::User {
    v1::User {
        last_login_time: activity.last_login_time.map(time),
        failed_attempts: activity.failed_attempts,
        lock_expire_time: activity.lock_expire_time.map(time),
        ..user
    }
}

pub(crate) fn reset_code(issued: &IssuedCode) -> v1::ResetPasswordResponse {
    v1::ResetPasswordResponse { code: issued.code.expose(), expire_time: Some(time(issued.reset.expire_time)) }
}

pub(crate) fn registered(registered: Registered) -> v1::CreateUserResponse {
    match registered {
        Registered::Account(account, pair) => {
            v1::CreateUserResponse { tokens: pair.map(tokens), user: Some(user(*account, true)) }
        }
        Registered::Checked(name, email) => {
            let user = v1::User {
                name: name.as_str().to_owned(),
                email: email.as_str().to_owned(),
                state: v1::UserState::Active.into(),
                ..v1::User::default()
            };
            v1::CreateUserResponse { tokens: None, user: Some(user) }
        }
    }
}

fn state_of(state: UserState) -> v1::UserState {
    match state {
        UserState::Active => v1::UserState::Active,
        UserState::Disabled => v1::UserState::Disabled,
    }
}

/// Writes a session for the caller of the session `current`.
pub(crate) fn session(listed: ListedSession, current: Option<SessionId>) -> v1::Session {
    let ListedSession { session, client, last_refresh_time } = listed;
    v1::Session {
        id: session.id.to_string(),
        create_time: Some(time(session.create_time)),
        last_refresh_time: Some(time(last_refresh_time.unwrap_or(session.create_time))),
        expire_time: Some(time(session.expire_time)),
        peer: client.peer,
        user_agent: client.user_agent,
        current: current == Some(session.id),
    }
}

pub(crate) fn tokens(tokens: SessionTokens) -> v1::TokenPair {
    v1::TokenPair {
        access_token: tokens.access.token,
        access_expire_time: Some(time(tokens.access.expire_time)),
        refresh_token: tokens.refresh,
        refresh_expire_time: Some(time(tokens.refresh_expire_time)),
    }
}

pub(crate) fn signing_key(key: PublicKey) -> v1::SigningKey {
    v1::SigningKey { id: key.id, algorithm: key.algorithm.to_owned(), jwk_json: key.jwk }
}

pub(crate) fn claims(token: &VerifiedToken) -> v1::TokenClaims {
    let claims = token.claims();
    v1::TokenClaims {
        subject: claims.sub.to_string(),
        subject_kind: v1::SubjectKind::User.into(),
        session_id: claims.sid.to_string(),
        generation: claims.generation,
        token_id: claims.jti.to_string(),
        key_id: token.key_id().to_owned(),
        issue_time: Some(seconds(claims.iat)),
        expire_time: Some(seconds(claims.exp)),
        roles: claims.roles.clone(),
        audience: claims.aud.list().first().cloned().unwrap_or_default(),
        audiences: claims.aud.list().to_vec(),
    }
}

pub(crate) fn service_claims(name: &str, audiences: &Audiences) -> v1::TokenClaims {
    v1::TokenClaims {
        subject: name.to_owned(),
        subject_kind: v1::SubjectKind::Service.into(),
        roles: vec![Role::SERVICE.to_owned()],
        audience: audiences.default().first().cloned().unwrap_or_default(),
        audiences: audiences.all().map(str::to_owned).collect(),
        ..v1::TokenClaims::default()
    }
}

pub(crate) fn identity(claims: &Claims) -> Identity {
    Identity::user(claims.sub.to_string())
        .roles(claims.roles.iter().cloned())
        .session(claims.sid.to_string())
        .audiences(claims.aud.list().iter().cloned())
        .expire_time(SystemTime::try_from(seconds(claims.exp)).ok())
}

pub(crate) fn service_identity(name: &str, audiences: &Audiences) -> Identity {
    Identity::service(name).role(Role::SERVICE).audiences(audiences.all().map(str::to_owned))
}

fn time(time: DateTime<Utc>) -> Timestamp {
    SystemTime::from(time).into()
}

/// Returns the time, if it has the form of a timestamp of the years 1970 to 9999.
fn instant(time: Timestamp) -> Option<DateTime<Utc>> {
    const END: i64 = 253_402_300_800;
    let nanos = u32::try_from(time.nanos).ok().filter(|nanos| *nanos < 1_000_000_000)?;
    let seconds = Some(time.seconds).filter(|seconds| (0..END).contains(seconds))?;
    DateTime::from_timestamp(seconds, nanos)
}

fn seconds(seconds: i64) -> Timestamp {
    Timestamp { seconds, nanos: 0 }
}
