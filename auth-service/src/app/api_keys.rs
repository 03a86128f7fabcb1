//! Creates, lists, changes, rotates and revokes API keys.

use chrono::{DateTime, TimeDelta, Utc};
use kit::page::{self, Page, PageBatch, PageRequest, PageRow};

use super::App;
use crate::domain::{
    ApiKey, ApiKeyChange, ApiKeyExpiry, ApiKeyId, AuditContext, AuditKind, MAX_API_KEYS, NewApiKey, NewAuditEvent,
};
use crate::error::AuthError;
use crate::tokens::ApiKeySecretText;

/// API key with a new secret, which is shown only once.
pub(crate) struct IssuedApiKey {
    pub(crate) key: ApiKey,
    pub(crate) secret: ApiKeySecretText,
}

/// Next version of a key, and the event that records it.
struct NextVersion {
    key: ApiKey,
    event: NewAuditEvent,
}

/// Creates a key.
pub(crate) async fn create(app: &App, context: &AuditContext, new: NewApiKey) -> Result<IssuedApiKey, AuthError> {
    let now = app.clock.now();
    check_expiry("expire_time", new.expire_time, now)?;
    // Concurrent calls may exceed the limit by their number, and other replicas by the keys that they create in 0.2 s.
    if app.revoker.view.api_key_count() >= MAX_API_KEYS {
        return Err(AuthError::TooManyApiKeys);
    }
    let id = app.issuing.ids.next();
    let secret = ApiKeySecretText::new(id, kit::random::bytes());
    let key = ApiKey::new(id, new, secret.digest(), now);
    let event = app.audit.event(AuditKind::ApiKeyCreated, context).about_api_key(id);
    let event = if key.roles.words().is_empty() { event } else { event.with("roles", &key.roles.to_text()) };
    let event = if key.audiences.is_empty() { event } else { event.with("audiences", &key.audiences.join(" ")) };
    let event = match key.expire_time {
        Some(_) => event.with("expires", &expiry_text(key.expire_time)),
        None => event,
    };
    let logged = app.store.create_api_key(&key, app.revoker.stamp(), &event).await?;
    app.revoker.take_effect(logged).await?;
    Ok(IssuedApiKey { key, secret })
}

/// Returns a key.
pub(crate) async fn get(app: &App, id: ApiKeyId) -> Result<ApiKey, AuthError> {
    app.store.api_key(id).await?.ok_or_else(|| AuthError::ApiKeyNotFound(id.to_string()))
}

/// Returns a page of keys. `row` converts a key into a row of the answer.
pub(crate) async fn list<T>(
    app: &App,
    wanted: PageRequest<'_>,
    row: impl Fn(ApiKey) -> PageRow<T, ApiKeyId>,
) -> Result<Page<T>, AuthError> {
    let read = async |after, limit| {
        let keys = app.store.list_api_keys(after, limit).await?;
        Ok::<_, AuthError>(PageBatch::up_to(limit, keys.into_iter().map(&row).collect()))
    };
    page::fill(&app.page_tokens, wanted, app.clock.now(), read).await
}

/// Changes name, roles or expiry of a key.
pub(crate) async fn update(
    app: &App,
    context: &AuditContext,
    id: ApiKeyId,
    change: &ApiKeyChange,
    expected: Option<i32>,
) -> Result<ApiKey, AuthError> {
    check_expiry("patch.expire_time", change.expiry.and_then(ApiKeyExpiry::time), app.clock.now())?;
    replace(app, id, expected, |before| {
        let mut event = app.audit.event(AuditKind::ApiKeyUpdated, context).about_api_key(id);
        let key = before.changed(change.clone(), event.time);
        if key.roles != before.roles {
            event = event.with("before", &before.roles.to_text()).with("after", &key.roles.to_text());
        }
        if key.expire_time != before.expire_time {
            event = event.with("expires", &expiry_text(key.expire_time));
        }
        not_revoked(before).map(|()| Some(NextVersion { key, event }))
    })
    .await
}

/// Gives a key a new secret. Earlier ones stay valid for the overlap.
pub(crate) async fn rotate(
    app: &App,
    context: &AuditContext,
    id: ApiKeyId,
    overlap: TimeDelta,
    expected: Option<i32>,
) -> Result<IssuedApiKey, AuthError> {
    let secret = ApiKeySecretText::new(id, kit::random::bytes());
    let key = replace(app, id, expected, |before| {
        let event = app.audit.event(AuditKind::ApiKeyRotated, context).about_api_key(id);
        let event = event.with("overlap_seconds", &overlap.num_seconds().to_string());
        let key = before.rotated(secret.digest(), overlap, event.time);
        not_revoked(before).map(|()| Some(NextVersion { key, event }))
    })
    .await?;
    Ok(IssuedApiKey { key, secret })
}

/// Revokes a key. A revoked key stays as it is.
pub(crate) async fn revoke(
    app: &App,
    context: &AuditContext,
    id: ApiKeyId,
    expected: Option<i32>,
) -> Result<ApiKey, AuthError> {
    replace(app, id, expected, |before| {
        let event = app.audit.event(AuditKind::ApiKeyRevoked, context).about_api_key(id);
        let key = before.revoked(event.time);
        Ok(before.revoke_time.is_none().then_some(NextVersion { key, event }))
    })
    .await
}

/// Writes the next version of a key, and waits until it has taken effect. After a concurrent write it starts over.
async fn replace(
    app: &App,
    id: ApiKeyId,
    expected: Option<i32>,
    next: impl Fn(&ApiKey) -> Result<Option<NextVersion>, AuthError>,
) -> Result<ApiKey, AuthError> {
    loop {
        let before = get(app, id).await?;
        if expected.is_some_and(|expected| expected != before.revision) {
            return Err(AuthError::Stale);
        }
        let Some(NextVersion { key, event }) = next(&before)? else { return Ok(before) };
        if let Some(logged) = app.store.replace_api_key(&before, &key, app.revoker.stamp(), &event).await? {
            app.revoker.take_effect(logged).await?;
            return Ok(key);
        }
    }
}

fn not_revoked(key: &ApiKey) -> Result<(), AuthError> {
    if key.revoke_time.is_none() { Ok(()) } else { Err(AuthError::ApiKeyRevoked) }
}

fn check_expiry(field: &'static str, time: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Result<(), AuthError> {
    let is_past = time.is_some_and(|time| time <= now);
    if is_past { Err(AuthError::violation(field, "must be in the future")) } else { Ok(()) }
}

fn expiry_text(time: Option<DateTime<Utc>>) -> String {
    time.map_or("never".to_owned(), |time| time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true))
}
