//! Converts API keys and their requests.

use chrono::{DateTime, TimeDelta, Utc};
use gatepost::Identity;
use gatepost::api::auth::v1;
use kit::failure::Violation;
use kit::mask::MaskField;
use kit::{etag, mask};
use prost_types::Timestamp;

use super::{instant, seconds, time};
use crate::app::VerifiedApiKey;
use crate::domain::{
    ApiKey, ApiKeyChange, ApiKeyExpiry, ApiKeyId, ApiKeyState, Audiences, MAX_OVERLAP, Name, NewApiKey, Roles,
};
use crate::error::AuthError;

/// Rule for the expiry of a key.
const EXPIRY_RULE: &str = "must be a time from 1970 to 9999";

/// Overlap of a rotation without a given one.
const DEFAULT_OVERLAP: TimeDelta = TimeDelta::hours(1);

/// Reads the id of a key: a UUID, also without hyphens, as secrets have it.
pub(crate) fn api_key_id(text: &str) -> Result<ApiKeyId, AuthError> {
    text.parse().map_err(|_| AuthError::violation("id", "must be a UUID, with or without hyphens"))
}

/// Reads a new key.
pub(crate) fn new_api_key(request: v1::CreateApiKeyRequest, known: &Audiences) -> Result<NewApiKey, AuthError> {
    let v1::CreateApiKeyRequest { name, roles, audiences: wanted, expire_time } = request;
    let mut violations = Vec::new();
    let name = Name::parse(&name).map_err(|_| violations.push(Violation::new("name", Name::RULE)));
    let roles =
        Roles::parse_for_api_key(&roles).ok_or_else(|| violations.push(Violation::new("roles", Roles::API_KEY_RULE)));
    let is_default = wanted.is_empty();
    let audiences = super::audiences(known, wanted).map_err(|error| {
        if let AuthError::InvalidFields(found) = error {
            violations.extend(found);
        }
    });
    let expire_time = expire_time.map(|time| instant(time).ok_or(())).transpose();
    let expire_time = expire_time.map_err(|()| violations.push(Violation::new("expire_time", EXPIRY_RULE)));
    match (name, roles, audiences, expire_time) {
        (Ok(name), Ok(roles), Ok(audiences), Ok(expire_time)) => {
            // The default ones follow the settings.
            let audiences = if is_default { Vec::new() } else { audiences };
            Ok(NewApiKey { name, roles, audiences, expire_time })
        }
        _ => Err(AuthError::InvalidFields(violations)),
    }
}

/// Reads a change of a key.
pub(crate) fn api_key_change(
    patch: Option<v1::ApiKeyPatch>,
    update_mask: Option<&prost_types::FieldMask>,
) -> Result<ApiKeyChange, AuthError> {
    let v1::ApiKeyPatch { name, roles, expire_time } = patch.unwrap_or_default();
    let mut violations = Vec::new();
    let fields = [
        MaskField { name: "name", is_present: name.is_some() },
        MaskField { name: "roles", is_present: !roles.is_empty() },
        MaskField { name: "expire_time", is_present: expire_time.is_some() },
    ];
    let chosen = mask::chosen(update_mask.map(|mask| mask.paths.as_slice()), &fields).unwrap_or_else(|| {
        violations.push(Violation::new("update_mask", mask::RULE));
        Vec::new()
    });
    let mut change = ApiKeyChange::default();
    if chosen.contains(&"name") {
        let name = Name::parse(&name.unwrap_or_default());
        change.name = name.map_err(|_| violations.push(Violation::new("patch.name", Name::RULE))).ok();
    }
    if chosen.contains(&"roles") {
        change.roles = Roles::parse_for_api_key(&roles);
        if change.roles.is_none() {
            violations.push(Violation::new("patch.roles", Roles::API_KEY_RULE));
        }
    }
    if chosen.contains(&"expire_time") {
        change.expiry = expire_time.map_or(Some(ApiKeyExpiry::Never), |time| instant(time).map(ApiKeyExpiry::At));
        if change.expiry.is_none() {
            violations.push(Violation::new("patch.expire_time", EXPIRY_RULE));
        }
    }
    if chosen.is_empty() && violations.is_empty() {
        violations.push(Violation::new("patch", mask::EMPTY_RULE));
    }
    if violations.is_empty() { Ok(change) } else { Err(AuthError::InvalidFields(violations)) }
}

/// Reads the overlap of a rotation.
pub(crate) fn overlap(overlap: Option<prost_types::Duration>) -> Result<TimeDelta, AuthError> {
    let Some(overlap) = overlap else { return Ok(DEFAULT_OVERLAP) };
    let overlap = std::time::Duration::try_from(overlap).ok().and_then(|overlap| TimeDelta::from_std(overlap).ok());
    let overlap = overlap.filter(|overlap| *overlap <= MAX_OVERLAP);
    overlap.ok_or_else(|| AuthError::violation("overlap", "must be from 0 s to 7 days"))
}

/// Writes a key as it is at the time `now`.
pub(crate) fn api_key(key: &ApiKey, now: DateTime<Utc>) -> v1::ApiKey {
    v1::ApiKey {
        id: key.id.to_string(),
        name: key.name.clone(),
        roles: words(&key.roles),
        audiences: key.audiences.clone(),
        state: match key.state(now) {
            ApiKeyState::Active => v1::ApiKeyState::Active,
            ApiKeyState::Expired => v1::ApiKeyState::Expired,
            ApiKeyState::Revoked => v1::ApiKeyState::Revoked,
        }
        .into(),
        create_time: Some(time(key.create_time)),
        update_time: Some(time(key.update_time)),
        expire_time: key.expire_time.map(time),
        revoke_time: key.revoke_time.map(time),
        secret_create_time: key.secrets.first().map(|secret| time(secret.create_time)),
        overlap_expire_time: key.overlap_expire_time(now).map(time),
        last_used_time: key.last_used_time.map(time),
        etag: etag::from_revision(key.revision),
    }
}

/// Writes the claims of a verified key. Its version stands for a signing key: a guard drops cached claims by it.
pub(crate) fn api_key_claims(verified: &VerifiedApiKey, known: &Audiences) -> v1::TokenClaims {
    let audiences = key_audiences(&verified.key, known);
    v1::TokenClaims {
        subject: verified.key.id.to_string(),
        subject_kind: v1::SubjectKind::Service.into(),
        key_id: verified.key.version().to_string(),
        expire_time: whole_end(verified),
        roles: words(&verified.key.roles),
        audience: audiences.first().cloned().unwrap_or_default(),
        audiences,
        ..v1::TokenClaims::default()
    }
}

/// Returns the identity of a verified key.
pub(crate) fn api_key_identity(verified: &VerifiedApiKey, known: &Audiences) -> Identity {
    Identity::service(verified.key.id.to_string())
        .roles(words(&verified.key.roles))
        .audiences(key_audiences(&verified.key, known))
        .expire_time(whole_end(verified).and_then(|time| time.try_into().ok()))
}

/// Returns the end of a key in whole seconds, rounded down.
fn whole_end(verified: &VerifiedApiKey) -> Option<Timestamp> {
    verified.end.map(|end| seconds(end.timestamp()))
}

fn key_audiences(key: &ApiKey, known: &Audiences) -> Vec<String> {
    if key.audiences.is_empty() { known.default().to_vec() } else { key.audiences.clone() }
}

fn words(roles: &Roles) -> Vec<String> {
    roles.words().into_iter().map(str::to_owned).collect()
}
