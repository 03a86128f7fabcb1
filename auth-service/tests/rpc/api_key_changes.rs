//! `ApiKeyService`: reads, updates, rotations and revocations of keys, and their audit events.

use std::collections::HashSet;
use std::time::Duration;

use gatepost::api::auth::v1::{
    ApiKey, ApiKeyPatch, ApiKeyState, AuditEventFilter, CreateApiKeyRequest, GetApiKeyRequest, ListApiKeysRequest,
    ListApiKeysResponse, RevokeApiKeyRequest, RotateApiKeyRequest, TokenState, UpdateApiKeyRequest,
};
use prost_types::{Duration as ProtoDuration, FieldMask, Timestamp};
use testkit::Outsider;
use tonic::{Code, Status};

use super::api_keys::{after, create, revoke, verify, with_roles};
use super::audit::{events, with_admin};
use super::support::{Account, Service, Settings, bad_fields, refused, start_in, with_token};

const REVOKED: &str = "this API key was revoked, which is final: create another one";

async fn get(service: &Service, admin: &Account, id: &str) -> Result<ApiKey, Status> {
    let request = with_token(GetApiKeyRequest { id: id.into() }, &admin.token);
    Ok(service.api_keys().get_api_key(request).await?.into_inner().api_key.unwrap())
}

async fn update(service: &Service, admin: &Account, request: UpdateApiKeyRequest) -> Result<ApiKey, Status> {
    let request = with_token(request, &admin.token);
    Ok(service.api_keys().update_api_key(request).await?.into_inner().api_key.unwrap())
}

/// Rotates the key with this overlap in seconds.
async fn rotate(
    service: &Service,
    admin: &Account,
    id: &str,
    overlap: Option<i64>,
) -> Result<(ApiKey, String), Status> {
    let overlap = overlap.map(|seconds| ProtoDuration { seconds, nanos: 0 });
    let request = RotateApiKeyRequest { id: id.into(), overlap, etag: String::new() };
    let rotated = service.api_keys().rotate_api_key(with_token(request, &admin.token)).await?.into_inner();
    Ok((rotated.api_key.unwrap(), rotated.secret))
}

fn patch(id: &str, patch: ApiKeyPatch, paths: &[&str]) -> UpdateApiKeyRequest {
    let paths: Vec<String> = paths.iter().map(ToString::to_string).collect();
    let update_mask = Some(FieldMask { paths }).filter(|mask| !mask.paths.is_empty());
    UpdateApiKeyRequest { id: id.into(), patch: Some(patch), update_mask, etag: String::new() }
}

fn roles(roles: &[&str]) -> ApiKeyPatch {
    ApiKeyPatch { roles: roles.iter().map(ToString::to_string).collect(), ..ApiKeyPatch::default() }
}

#[tokio::test]
async fn key_is_read_as_it_was_created() {
    let (service, admin) = with_admin().await;
    let request = CreateApiKeyRequest { expire_time: Some(after(&service, 3600)), ..with_roles(&["editor"]) };
    let (key, secret) = create(&service, &admin, request).await.unwrap();
    assert_eq!((key.name.as_str(), key.state()), ("Nightly export", ApiKeyState::Active));
    assert_eq!((key.expire_time, key.create_time), (Some(after(&service, 3600)), key.update_time));
    assert_eq!((key.revoke_time, key.overlap_expire_time, key.last_used_time), (None, None, None));
    assert_eq!(get(&service, &admin, &key.id).await.unwrap(), key);
    // The id has this form in the secret.
    let simple = secret.split('_').nth(1).unwrap();
    assert_eq!(get(&service, &admin, simple).await.unwrap(), key);
    let status = get(&service, &admin, &admin.id).await.unwrap_err();
    refused(&status, Code::NotFound, "API_KEY_NOT_FOUND", "API key not found");
    assert_eq!(bad_fields(&get(&service, &admin, &secret).await.unwrap_err()), ["id"]);
}

#[tokio::test]
async fn bad_fields_of_a_new_key_are_named() {
    let (service, admin) = with_admin().await;
    let request = CreateApiKeyRequest {
        name: " ".into(),
        roles: vec!["Editor".into()],
        audiences: vec!["nowhere".into()],
        expire_time: Some(Timestamp { seconds: -1, nanos: 0 }),
    };
    let status = create(&service, &admin, request).await.unwrap_err();
    assert_eq!(bad_fields(&status), ["name", "roles", "audiences[0]", "expire_time"]);
    let expired = CreateApiKeyRequest { expire_time: Some(after(&service, 0)), ..with_roles(&[]) };
    assert_eq!(bad_fields(&create(&service, &admin, expired).await.unwrap_err()), ["expire_time"]);
    let twice = with_roles(&["editor", "editor"]);
    assert_eq!(bad_fields(&create(&service, &admin, twice).await.unwrap_err()), ["roles"]);
}

#[tokio::test]
async fn update_changes_the_chosen_fields() {
    let (service, admin) = with_admin().await;
    let (key, secret) = create(&service, &admin, with_roles(&["editor"])).await.unwrap();
    let change = ApiKeyPatch { name: Some("Import".into()), ..roles(&["seller", "service"]) };
    let updated = update(&service, &admin, patch(&key.id, change, &[])).await.unwrap();
    assert_eq!((updated.name.as_str(), updated.roles.len()), ("Import", 2));
    assert_ne!(updated.etag, key.etag);
    assert_eq!(verify(&service, &secret).await.claims.unwrap().roles, ["seller", "service"]);
    let expiring = ApiKeyPatch { expire_time: Some(after(&service, 60)), ..ApiKeyPatch::default() };
    let updated = update(&service, &admin, patch(&key.id, expiring, &[])).await.unwrap();
    assert_eq!((updated.expire_time, updated.name.as_str()), (Some(after(&service, 60)), "Import"));
    service.clock.advance(Duration::from_mins(1));
    assert_eq!(verify(&service, &secret).await.state(), TokenState::Expired);
    assert_eq!(get(&service, &admin, &key.id).await.unwrap().state(), ApiKeyState::Expired);
    let cleared = patch(&key.id, ApiKeyPatch::default(), &["expire_time", "roles"]);
    let updated = update(&service, &admin, cleared).await.unwrap();
    assert_eq!((updated.expire_time, updated.roles.len(), updated.state()), (None, 0, ApiKeyState::Active));
    assert_eq!(verify(&service, &secret).await.state(), TokenState::Active);
}

#[tokio::test]
async fn bad_updates_are_refused() {
    let (service, admin) = with_admin().await;
    let (key, _) = create(&service, &admin, with_roles(&["editor"])).await.unwrap();
    let past = ApiKeyPatch { expire_time: Some(after(&service, 0)), ..ApiKeyPatch::default() };
    for (request, field) in [
        (patch(&key.id, ApiKeyPatch::default(), &[]), "patch"),
        (patch(&key.id, roles(&["A"]), &[]), "patch.roles"),
        (patch(&key.id, ApiKeyPatch::default(), &["name"]), "patch.name"),
        (patch(&key.id, roles(&[]), &["audiences"]), "update_mask"),
        (patch(&key.id, past, &[]), "patch.expire_time"),
    ] {
        assert_eq!(bad_fields(&update(&service, &admin, request).await.unwrap_err()), [field]);
    }
    let both = patch("no id", roles(&["A"]), &[]);
    assert_eq!(bad_fields(&update(&service, &admin, both).await.unwrap_err()), ["id", "patch.roles"]);
    let stale = UpdateApiKeyRequest { etag: "r9".into(), ..patch(&key.id, roles(&["a"]), &[]) };
    let status = update(&service, &admin, stale).await.unwrap_err();
    assert_eq!(status.code(), Code::Aborted);
    let fresh = UpdateApiKeyRequest { etag: key.etag.clone(), ..patch(&key.id, roles(&["a"]), &[]) };
    update(&service, &admin, fresh).await.unwrap();
    assert_eq!(bad_fields(&rotate(&service, &admin, &key.id, Some(-1)).await.unwrap_err()), ["overlap"]);
    assert_eq!(bad_fields(&rotate(&service, &admin, &key.id, Some(604_801)).await.unwrap_err()), ["overlap"]);
    rotate(&service, &admin, &key.id, Some(604_800)).await.unwrap();
}

#[tokio::test]
async fn rotation_overlaps_for_an_hour() {
    let (service, admin) = with_admin().await;
    let (key, first) = create(&service, &admin, with_roles(&["editor"])).await.unwrap();
    let (rotated, second) = rotate(&service, &admin, &key.id, None).await.unwrap();
    assert_eq!(rotated.overlap_expire_time.unwrap().seconds, after(&service, 3600).seconds);
    service.clock.advance(Duration::from_secs(3599));
    let early = verify(&service, &first).await;
    assert_eq!(early.state(), TokenState::Active);
    assert!(early.ttl.unwrap().seconds <= 1, "no answer outlives the overlap");
    service.clock.advance(Duration::from_secs(1));
    let states = [verify(&service, &first).await.state(), verify(&service, &second).await.state()];
    assert_eq!(states, [TokenState::Expired, TokenState::Active]);
    assert_eq!(get(&service, &admin, &key.id).await.unwrap().overlap_expire_time, None);
    // A leaked secret ends at once.
    let (_, third) = rotate(&service, &admin, &key.id, Some(0)).await.unwrap();
    let states = [verify(&service, &second).await.state(), verify(&service, &third).await.state()];
    assert_eq!(states, [TokenState::Expired, TokenState::Active]);
}

#[tokio::test]
async fn revoked_key_is_refused_for_good() {
    let (service, admin) = with_admin().await;
    let (key, first) = create(&service, &admin, with_roles(&["editor"])).await.unwrap();
    let (_, second) = rotate(&service, &admin, &key.id, None).await.unwrap();
    let stale = RevokeApiKeyRequest { id: key.id.clone(), etag: key.etag.clone() };
    let status = service.api_keys().revoke_api_key(with_token(stale, &admin.token)).await.unwrap_err();
    assert_eq!(status.code(), Code::Aborted);
    let revoked = revoke(&service, &admin, &key.id).await.unwrap();
    assert_eq!((revoked.state(), revoked.revoke_time), (ApiKeyState::Revoked, revoked.update_time));
    for secret in [&first, &second] {
        assert_eq!(verify(&service, secret).await.state(), TokenState::Revoked);
    }
    assert_eq!(revoke(&service, &admin, &key.id).await.unwrap(), revoked, "a second revocation changes nothing");
    let status = rotate(&service, &admin, &key.id, None).await.unwrap_err();
    refused(&status, Code::FailedPrecondition, "API_KEY_REVOKED", REVOKED);
    let status = update(&service, &admin, patch(&key.id, roles(&["a"]), &[])).await.unwrap_err();
    refused(&status, Code::FailedPrecondition, "API_KEY_REVOKED", REVOKED);
}

#[tokio::test]
async fn each_change_is_an_audit_event() {
    let (service, admin) = with_admin().await;
    let request = CreateApiKeyRequest {
        audiences: vec!["gatepost".into()],
        expire_time: Some(Timestamp { seconds: 4_102_444_800, nanos: 0 }),
        ..with_roles(&["editor", "seller"])
    };
    let (key, _) = create(&service, &admin, request).await.unwrap();
    update(&service, &admin, patch(&key.id, roles(&["seller"]), &[])).await.unwrap();
    update(&service, &admin, patch(&key.id, ApiKeyPatch::default(), &["expire_time"])).await.unwrap();
    rotate(&service, &admin, &key.id, Some(60)).await.unwrap();
    revoke(&service, &admin, &key.id).await.unwrap();
    revoke(&service, &admin, &key.id).await.unwrap();
    let filter = AuditEventFilter { subject: format!("api-key:{}", key.id), ..AuditEventFilter::default() };
    let events = events(&service, &admin, filter).await;
    assert!(events.iter().all(|event| event.actor == admin.id && !event.peer.is_empty()));
    let name = |event: &gatepost::api::auth::v1::AuditEvent| {
        format!("{} {}", event.kind().as_str_name().trim_start_matches("AUDIT_EVENT_KIND_"), event.detail)
    };
    let told: Vec<_> = events.iter().map(name).collect();
    let wanted = [
        "API_KEY_CREATED roles=editor,seller audiences=gatepost expires=2100-01-01T00:00:00Z",
        "API_KEY_UPDATED before=editor,seller after=seller",
        "API_KEY_UPDATED expires=never",
        "API_KEY_ROTATED overlap_seconds=60",
        "API_KEY_REVOKED ",
    ];
    assert_eq!(told, wanted);
}

#[tokio::test]
async fn list_has_each_key_once_newest_first() {
    let (service, admin) = with_admin().await;
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(create(&service, &admin, with_roles(&[])).await.unwrap().0.id);
    }
    revoke(&service, &admin, &made[2]).await.unwrap();
    let (mut listed, mut token) = (Vec::new(), String::new());
    loop {
        let request = ListApiKeysRequest { page_size: 2, page_token: token };
        let answer = service.api_keys().list_api_keys(with_token(request, &admin.token)).await.unwrap().into_inner();
        let ListApiKeysResponse { api_keys, next_page_token } = answer;
        assert!(api_keys.len() <= 2);
        listed.extend(api_keys.into_iter().map(|key| key.id));
        token = next_page_token;
        if token.is_empty() {
            break;
        }
    }
    made.reverse();
    assert_eq!((&listed, listed.iter().collect::<HashSet<_>>().len()), (&made, 5));
    let request = ListApiKeysRequest { page_size: -1, page_token: String::new() };
    let status = service.api_keys().list_api_keys(with_token(request, &admin.token)).await.unwrap_err();
    assert_eq!(bad_fields(&status), ["page_size"]);
    let request = ListApiKeysRequest { page_size: 2, page_token: "x".into() };
    let status = service.api_keys().list_api_keys(with_token(request, &admin.token)).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn ten_thousand_keys_are_the_most() {
    const TIME: &str = "'2026-01-01T00:00:00+00:00'";
    const TEXT: &str = "there are 10,000 API keys: expired and revoked ones are deleted after seven days";
    let (service, admin) = with_admin().await;
    let (_, secret) = create(&service, &admin, with_roles(&[])).await.unwrap();
    let (folder, clock) = service.stop().await;
    let mut outsider = Outsider::open(folder.path().join("auth.db")).await;
    let numbers = "with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < 9998)";
    let keys = "insert into api_keys (id, name, roles, audiences, revision, create_time, update_time)";
    let secrets = "insert into api_key_secrets (api_key_id, number, digest, create_time)";
    let rows = format!("select randomblob(16), 'Export', '', '', 1, {TIME}, {TIME} from numbers");
    outsider.run(&format!("{keys} {numbers} {rows}")).await;
    let rows = format!("select id, 2, randomblob(32), {TIME} from api_keys");
    outsider.run(&format!("{secrets} {rows}")).await;
    outsider.close().await;
    let service = start_in(folder, clock, Settings { admin: true, ..Settings::default() }).await;
    let admin = service.admin().await;
    create(&service, &admin, with_roles(&[])).await.expect("the last one");
    let status = create(&service, &admin, with_roles(&[])).await.unwrap_err();
    refused(&status, Code::ResourceExhausted, "TOO_MANY_API_KEYS", TEXT);
    assert_eq!(verify(&service, &secret).await.state(), TokenState::Active);
}
