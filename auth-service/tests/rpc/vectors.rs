//! Wycheproof's 401 JWS vectors as tokens of calls: no call is admitted, and no error is internal.

use gatepost::api::auth::v1::{GetMeRequest, TokenState};
use serde_json::Value;
use tonic::Code;

use super::signers::signers;
use super::support::{refused, start_with, with_token};

const VECTORS: &str = include_str!("../vectors/wycheproof/json_web_signature_test.json");

fn vectors() -> Vec<(u64, String)> {
    let file: Value = serde_json::from_str(VECTORS).unwrap();
    let groups = file["testGroups"].as_array().unwrap().iter();
    let tests = groups.flat_map(|group| group["tests"].as_array().unwrap());
    tests.map(|test| (test["tcId"].as_u64().unwrap(), test["jws"].as_str().unwrap().to_owned())).collect()
}

/// C1, C2, C14, C17: the guard accepts no vector and survives them all.
#[tokio::test]
async fn jws_vectors_are_all_refused() {
    for signer in signers() {
        let service = start_with(signer.settings()).await;
        let token = service.token().await;
        let (mut invalid, mut missing) = (0, 0);
        for (id, jws) in vectors() {
            let status = service.users().get_me(with_token(GetMeRequest {}, &jws)).await.expect_err(&id.to_string());
            if jws.is_empty() {
                refused(&status, Code::Unauthenticated, "TOKEN_MISSING", "Authentication token not provided");
                missing += 1;
            } else {
                refused(&status, Code::Unauthenticated, "TOKEN_INVALID", "invalid token");
                invalid += 1;
            }
            assert_eq!(service.state(&jws).await, TokenState::Invalid, "tcId {id}");
        }
        assert_eq!((invalid, missing), (398, 3));
        service.users().get_me(with_token(GetMeRequest {}, &token)).await.unwrap();
        assert_eq!(service.state(&token).await, TokenState::Active);
    }
}
