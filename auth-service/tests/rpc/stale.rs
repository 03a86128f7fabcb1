//! A replica that cannot read the log verifies no token: it calls a token neither valid nor invalid.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::{iter, pending};
use gatepost::api::auth::v1::watch_revocations_request::Message;
use gatepost::api::auth::v1::{
    GetMeRequest, LogoutRequest, Resume, TokenState, VerifyTokenRequest, WatchRevocationsRequest,
    WatchRevocationsResponse,
};
use testkit::postgres::server;
use testkit::proxy::Proxy;
use tonic::{Code, Status, Streaming};
use tonic_types::StatusExt as _;

use super::support::{EMAIL, SERVICE_KEY, Service, refused, start_at, with_token};

const AWAY: &str = "the database cannot be reached now, try again in a moment";

/// Returns the service's introspection of the token, or its error.
async fn ask(service: &Service, token: &str) -> Result<TokenState, Status> {
    let request = VerifyTokenRequest { token: token.into() };
    Ok(service.tokens().verify_token(request).await?.into_inner().state())
}

/// Repeats the request until the answer is of the other kind: a state instead of `UNAVAILABLE`, or the reverse. Panics
/// at any other answer.
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
async fn database_outage_is_unavailable_never_active() {
    let Some(server) = server().await else { return };
    let proxy = Proxy::to_socket(server.socket());
    let service = start_at(&server.url_at(proxy.address(), "postgres")).await;
    let token = service.register(EMAIL).await.unwrap().tokens.unwrap().access_token;
    assert_eq!(ask(&service, &token).await.unwrap(), TokenState::Active);
    for break_it in [Proxy::cut, Proxy::black_hole, Proxy::half_open] {
        break_it(&proxy);
        let status = until(&service, &token, true).await.unwrap_err();
        assert_eq!(status.get_details_retry_info().unwrap().retry_delay, Some(Duration::from_secs(1)));
        // The service's own guard admits no call, and does not report a malformed token as invalid.
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

/// Returns a guard's stream of revocations after its first messages.
async fn feed(service: &Service) -> Streaming<WatchRevocationsResponse> {
    let message = Some(Message::Resume(Resume::default()));
    let asked = iter([WatchRevocationsRequest { message }]).chain(pending());
    let mut said = service.tokens().watch_revocations(with_token(asked, SERVICE_KEY)).await.unwrap().into_inner();
    for _ in ["a greeting", "the first position"] {
        said.message().await.unwrap().unwrap();
    }
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn feed_without_evidence_ends_and_can_resume() {
    let Some(server) = server().await else { return };
    let proxy = Proxy::to_socket(server.socket());
    let service = start_at(&server.url_at(proxy.address(), "postgres")).await;
    let token = service.register(EMAIL).await.unwrap().tokens.unwrap().access_token;
    let mut said = feed(&service).await;
    proxy.black_hole();
    // The service's own guard cannot verify the service key now.
    let ended = said.message().await.unwrap_err();
    assert_eq!(ended.code(), Code::Unavailable);
    assert_eq!(ended.get_details_error_info().unwrap().reason, "AUTH_UNAVAILABLE");
    proxy.pass();
    until(&service, &token, false).await.unwrap();
    feed(&service).await;
}
