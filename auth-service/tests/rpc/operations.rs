//! The operations port: health of the service, and its keys.

use gatepost::api::auth::v1::ListSigningKeysRequest;
use serde_json::{Value, json};
use testkit::http::{get, ready_while_writable};

use super::signers::signers;
use super::support::{EMAIL, SECRET, Settings, start, start_with};

#[tokio::test]
async fn service_is_ready_while_its_database_takes_writes() {
    let service = start().await;
    // This call waits until the service has started.
    service.register(EMAIL).await.unwrap();
    ready_while_writable(service.ops, &service.database()).await;
}

#[tokio::test]
async fn key_set_is_the_same_over_grpc_and_http() {
    let [_, pairs @ ..] = signers();
    for signer in pairs {
        let service = start_with(signer.settings()).await;
        let listed = service.tokens().list_signing_keys(ListSigningKeysRequest {}).await.unwrap().into_inner().keys;
        let listed: Vec<Value> = listed.iter().map(|key| serde_json::from_str(&key.jwk_json).unwrap()).collect();
        let page = get(service.ops, "/.well-known/jwks.json").await;
        assert!(page.head.contains("content-type: application/json"), "{}", page.head);
        assert!(page.head.contains("cache-control: public, max-age=5"), "{}", page.head);
        assert_eq!(serde_json::from_str::<Value>(&page.body).unwrap(), json!({"keys": listed}));
        assert_eq!(listed[0].get("d"), None, "the private half is not listed");

        let page = get(service.ops, "/.well-known/openid-configuration").await;
        assert!(page.head.contains("cache-control: no-store"), "the answer repeats the client's input: {}", page.head);
        let said: Value = serde_json::from_str(&page.body).unwrap();
        assert_eq!(said["issuer"], "gatepost");
        assert_eq!(said["jwks_uri"], format!("http://{}/.well-known/jwks.json", service.ops));
        assert_eq!(said["id_token_signing_alg_values_supported"], json!([signer.algorithm().name()]));
    }
}

#[tokio::test]
async fn secret_is_in_no_key_set() {
    let service = start_with(Settings { secret: Some(SECRET), ..Settings::default() }).await;
    service.register(EMAIL).await.unwrap();
    assert_eq!(get(service.ops, "/.well-known/jwks.json").await.body, r#"{"keys":[]}"#);
}

#[tokio::test]
async fn issuer_url_says_where_its_keys_are() {
    let flags = &["--issuer", "https://auth.example/tenant"];
    let service = start_with(Settings { flags, ..Settings::default() }).await;
    service.register(EMAIL).await.unwrap();
    let page = get(service.ops, "/.well-known/openid-configuration").await;
    let said: Value = serde_json::from_str(&page.body).unwrap();
    assert_eq!(said["jwks_uri"], "https://auth.example/tenant/.well-known/jwks.json");
}

#[tokio::test]
async fn operations_port_serves_no_call() {
    let service = start().await;
    service.register(EMAIL).await.unwrap();
    let page = get(service.ops, "/gatepost.auth.v1.TokenService/ListSigningKeys").await;
    assert_eq!(page.status, 404);
}
