//! A replica that cannot read the log says nothing of any token: never that it is good, never that it is not.

use std::time::Duration;

use gatepost::api::auth::v1::{GetMeRequest, LogoutRequest, TokenState, VerifyTokenRequest};
use harness::postgres::server;
use harness::proxy::Proxy;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::support::{EMAIL, Service, refused, start_at, with_token};

const AWAY: &str = "the database cannot be reached now, try again in a moment";

/// What the service says of the token, or that it says nothing.
async fn ask(service: &Service, token: &str) -> Result<TokenState, Status> {
    let request = VerifyTokenRequest { token: token.into() };
    Ok(service.tokens().verify_token(request).await?.into_inner().state())
}

/// Asks until the answer is of the other kind. On the way there is no third one.
async fn until(service: &Service, token: &str, is_away: bool) -> Result<TokenState, Status> {
    loop {
        let said = ask(service, token).await;
        match &said {
            Ok(state) => assert_eq!(*state, TokenState::Active),
            Err(status) => refused(status, Code::Unavailable, "STORE_UNAVAILABLE", AWAY),
        }
        if said.is_err() == is_away {
            return said;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_away_makes_every_answer_unavailable_and_none_active() {
    let Some(server) = server().await else { return };
    let proxy = Proxy::to_socket(server.socket());
    let service = start_at(&server.url_at(proxy.address(), "postgres")).await;
    let token = service.register(EMAIL).await.unwrap().tokens.unwrap().access_token;
    assert_eq!(ask(&service, &token).await.unwrap(), TokenState::Active);
    for break_it in [Proxy::cut, Proxy::black_hole, Proxy::half_open] {
        break_it(&proxy);
        let status = until(&service, &token, true).await.unwrap_err();
        assert_eq!(status.get_details_retry_info().unwrap().retry_delay, Some(Duration::from_secs(1)));
        // The service's own guard lets nobody in either, and what is no token is not called invalid.
        let guarded = service.users().get_me(with_token(GetMeRequest {}, &token)).await.unwrap_err();
        assert_eq!(guarded.code(), Code::Unavailable);
        assert_eq!(guarded.get_details_error_info().unwrap().reason, "AUTH_UNAVAILABLE");
        assert_eq!(ask(&service, "garbage").await.unwrap_err().code(), Code::Unavailable);
        proxy.pass();
        until(&service, &token, false).await.unwrap();
    }
    service.auth().logout(with_token(LogoutRequest {}, &token)).await.unwrap();
    assert_eq!(ask(&service, &token).await.unwrap(), TokenState::Revoked);
}
