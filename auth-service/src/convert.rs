//! Between the wire and the domain.

use std::borrow::Cow;
use std::time::SystemTime;

use gatepost::api::auth::v1;
use gatepost::{Denial, Identity, SubjectKind};
use kit::failure::Violation;
use prost_types::Timestamp;

use crate::domain::{Email, Name, NewPassword, PasswordPolicy, Role, User, UserState};
use crate::error::Error;
use crate::tokens::{Claims, Issued, PublicKey};

/// A registration whose fields keep their rules.
pub(crate) struct Registrant {
    pub(crate) name: Name,
    pub(crate) email: Email,
    pub(crate) password: NewPassword,
}

pub(crate) fn registrant(request: v1::CreateUserRequest, passwords: PasswordPolicy) -> Result<Registrant, Error> {
    let mut violations = Vec::new();
    let name = Name::parse(&request.name)
        .map_err(|_| violations.push(Violation { field: "name", description: Name::RULE.into() }));
    let email = Email::parse(&request.email).map_err(|_| violations.push(EMAIL));
    // A field that breaks its own rule is not held against the password: it may be of any length.
    let own_words = [name.as_ref().map_or("", Name::as_str), email.as_ref().map_or("", Email::as_str)];
    let password = passwords
        .accept(request.password, &own_words)
        .map_err(|error| violations.push(Violation { field: "password", description: error.to_string().into() }));
    match (name, email, password) {
        (Ok(name), Ok(email), Ok(password)) => Ok(Registrant { name, email, password }),
        _ => Err(Error::InvalidFields(violations)),
    }
}

const EMAIL: Violation = Violation { field: "email", description: Cow::Borrowed(Email::RULE) };

pub(crate) fn email(text: &str) -> Result<Email, Error> {
    Email::parse(text).map_err(|_| Error::InvalidFields(vec![EMAIL]))
}

pub(crate) fn user(user: &User) -> v1::User {
    v1::User {
        id: user.id.to_string(),
        name: user.name.clone(),
        email: user.email.clone(),
        roles: user.roles.words().into_iter().map(str::to_owned).collect(),
        state: match user.state {
            UserState::Active => v1::UserState::Active,
            UserState::Disabled => v1::UserState::Disabled,
        }
        .into(),
        create_time: Some(SystemTime::from(user.create_time).into()),
        update_time: Some(SystemTime::from(user.update_time).into()),
        etag: format!("r{}", user.revision),
    }
}

pub(crate) fn tokens(issued: Issued) -> v1::TokenPair {
    v1::TokenPair { access_token: issued.token, access_expire_time: Some(SystemTime::from(issued.expire_time).into()) }
}

pub(crate) fn signing_key(key: PublicKey) -> v1::SigningKey {
    v1::SigningKey { id: key.id, algorithm: key.algorithm.to_owned(), jwk_json: key.jwk }
}

pub(crate) fn claims(claims: &Claims, key_id: String) -> v1::TokenClaims {
    v1::TokenClaims {
        subject: claims.sub.to_string(),
        subject_kind: v1::SubjectKind::User.into(),
        session_id: claims.sid.to_string(),
        generation: claims.generation,
        token_id: claims.jti.to_string(),
        key_id,
        issue_time: Some(seconds(claims.iat)),
        expire_time: Some(seconds(claims.exp)),
        roles: claims.roles.clone(),
        audience: claims.aud.clone(),
    }
}

pub(crate) fn service_claims(audience: &str) -> v1::TokenClaims {
    v1::TokenClaims {
        subject: "service".to_owned(),
        subject_kind: v1::SubjectKind::Service.into(),
        roles: vec![Role::SERVICE.to_owned()],
        audience: audience.to_owned(),
        ..v1::TokenClaims::default()
    }
}

pub(crate) fn identity(claims: Claims) -> Identity {
    Identity {
        subject: claims.sub.to_string(),
        kind: SubjectKind::User,
        roles: claims.roles,
        session: Some(claims.sid.to_string()),
        audience: claims.aud,
        expire_time: SystemTime::try_from(seconds(claims.exp)).ok(),
    }
}

pub(crate) fn service_identity(audience: &str) -> Identity {
    Identity {
        subject: "service".to_owned(),
        kind: SubjectKind::Service,
        roles: vec![Role::SERVICE.to_owned()],
        session: None,
        audience: audience.to_owned(),
        expire_time: None,
    }
}

pub(crate) fn state(denial: Denial) -> v1::TokenState {
    match denial {
        Denial::Invalid => v1::TokenState::Invalid,
        Denial::Expired => v1::TokenState::Expired,
        Denial::Revoked => v1::TokenState::Revoked,
        Denial::UserDeleted => v1::TokenState::UserDeleted,
        Denial::UserDisabled => v1::TokenState::UserDisabled,
    }
}

fn seconds(seconds: i64) -> Timestamp {
    Timestamp { seconds, nanos: 0 }
}
