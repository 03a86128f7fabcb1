//! A foreign token never causes a connection (C3) or a query (C4), and never stands for a user (C10).

use std::io::ErrorKind;
use std::net::TcpListener;

use gatepost::api::auth::v1::{DeleteUserRequest, GetMeRequest, TokenState};
use serde_json::json;
use sqlx::{Connection as _, SqliteConnection};
use tonic::Code;

use super::signers::{Signer, signers};
use super::support::{refused, with_token};
use super::verify::{changed, known};

/// C3: the service never fetches keys that a header offers.
#[tokio::test]
async fn key_url_in_a_header_is_never_fetched() {
    for signer in signers() {
        offers(signer).await;
    }
}

async fn offers(signer: Signer) {
    let (service, header, claims) = known(signer).await;
    let offered = TcpListener::bind("127.0.0.1:0").unwrap();
    offered.set_nonblocking(true).unwrap();
    let url = format!("http://{}/keys", offered.local_addr().unwrap());
    for (name, to) in [
        ("jku", json!(url)),
        ("x5u", json!(url)),
        ("kid", json!(url)),
        ("jwk", json!({"kty": "RSA", "x5u": url})),
        ("x5c", json!([url])),
    ] {
        let token = signer.sign(&changed(&header, name, to), claims.to_string().as_bytes());
        assert_eq!(service.state(&token).await, TokenState::Invalid, "{name}");
        let status = service.users().get_me(with_token(GetMeRequest {}, &token)).await.unwrap_err();
        refused(&status, Code::Unauthenticated, "TOKEN_INVALID", "invalid token");
    }
    // The service does not use the issuer as an address of keys either.
    let token = signer.sign(header.to_string().as_bytes(), &changed(&claims, "iss", json!(url)));
    assert_eq!(service.state(&token).await, TokenState::Invalid);
    // A connection attempt would be pending on this listener.
    assert_eq!(offered.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
}

/// C4: a bad key id is refused without a query.
#[tokio::test]
async fn bad_key_id_is_refused_without_a_query() {
    for signer in signers() {
        bad_key_ids(signer).await;
    }
}

async fn bad_key_ids(signer: Signer) {
    let (service, header, claims) = known(signer).await;
    let payload = claims.to_string();
    let file = service.key_file().with_file_name("auth.db");
    let mut database = SqliteConnection::connect(file.to_str().unwrap()).await.unwrap();
    // From here on every query for a session or a user fails.
    sqlx::query("drop table sessions").execute(&mut database).await.unwrap();
    sqlx::query("drop table users").execute(&mut database).await.unwrap();
    let good = signer.sign(header.to_string().as_bytes(), payload.as_bytes());
    assert_eq!(service.state(&good).await, TokenState::Active, "a good token needs no query either");
    for kid in ["", "other", "../../etc/passwd", "' or 1=1 --", "'; drop table users; --", "a\0b", &"k".repeat(3_000)] {
        let token = signer.sign(&changed(&header, "kid", json!(kid)), payload.as_bytes());
        assert_eq!(service.state(&token).await, TokenState::Invalid, "{kid:.80}");
    }
    // A megabyte does not fit into the message. The largest key id that fits is refused before it is decoded.
    let token = signer.sign(&changed(&header, "kid", json!("k".repeat(150_000))), payload.as_bytes());
    assert_eq!(service.state(&token).await, TokenState::Invalid);
}

/// C10: a genuine token of a deleted user is refused.
#[tokio::test]
async fn genuine_token_of_a_deleted_user_is_refused() {
    for signer in signers() {
        token_of_nobody(signer).await;
    }
}

async fn token_of_nobody(signer: Signer) {
    let (service, header, claims) = known(signer).await;
    let token = signer.sign(header.to_string().as_bytes(), claims.to_string().as_bytes());
    let request = DeleteUserRequest { id: "me".into(), etag: String::new() };
    service.users().delete_user(with_token(request, &token)).await.unwrap();
    // This holds for any generation and session in the token.
    let mut later = claims.clone();
    later["gen"] = json!(i32::MAX - 1);
    later["sid"] = json!("01890a5d-ac96-774b-bcce-b302099a8057");
    let later = later.to_string().into_bytes();
    assert_eq!(service.state(&signer.sign(header.to_string().as_bytes(), &later)).await, TokenState::UserDeleted);
    assert_eq!(service.state(&token).await, TokenState::UserDeleted);
    let status = service.users().get_me(with_token(GetMeRequest {}, &token)).await.unwrap_err();
    refused(&status, Code::Unauthenticated, "USER_DELETED", "user does not exist, bad token");
}
