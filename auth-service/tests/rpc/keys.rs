//! The key set as other services see it.

use gatepost::api::auth::v1::{ListSigningKeysRequest, TokenState};

use super::support::{SECRET, SERVICE_KEY, Settings, start, start_with};

#[tokio::test]
async fn the_public_key_is_listed_and_its_private_half_is_not() {
    let service = start().await;
    let token = service.token().await;
    let keys = service.tokens().list_signing_keys(ListSigningKeysRequest {}).await.unwrap().into_inner().keys;
    assert_eq!(keys.len(), 1);
    let jwk: serde_json::Value = serde_json::from_str(&keys[0].jwk_json).unwrap();
    assert_eq!(
        (jwk["kty"].as_str(), jwk["crv"].as_str(), jwk["kid"].as_str()),
        (Some("OKP"), Some("Ed25519"), Some(keys[0].id.as_str()))
    );
    assert!(jwk.get("d").is_none());
    assert_eq!(service.state(&token).await, TokenState::Active);
}

#[tokio::test]
async fn a_symmetric_key_is_never_listed() {
    let service = start_with(Settings { secret: Some(SECRET), ..Settings::default() }).await;
    let keys = service.tokens().list_signing_keys(ListSigningKeysRequest {}).await.unwrap().into_inner().keys;
    assert!(keys.is_empty());
    assert!(!service.key_file().exists(), "with a secret no key is made");
    let token = service.token().await;
    assert_eq!(service.state(&token).await, TokenState::Active);
}

#[tokio::test]
async fn the_service_key_is_good_where_a_token_is() {
    let service = start_with(Settings { service_key: Some(SERVICE_KEY), ..Settings::default() }).await;
    assert_eq!(service.state(SERVICE_KEY).await, TokenState::Active);
    assert_eq!(service.state(&SERVICE_KEY[1..]).await, TokenState::Invalid);
    assert_eq!(start().await.state(SERVICE_KEY).await, TokenState::Invalid, "no key is good unless one is set");
}
