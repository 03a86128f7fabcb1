//! Commits whose answer from the database is lost. If the service finds the commit, it acknowledges the call. If the
//! service cannot find out the result, the call ends with `OUTCOME_UNKNOWN`.

use gatepost::api::auth::v1::{
    ChangePasswordRequest, LogoutRequest, RefreshTokenRequest, RevokeAllSessionsRequest, TokenState, VerifyTokenRequest,
};
use sqlx::{Connection as _, Executor as _, PgConnection};
use testkit::postgres::server;
use testkit::proxy::Proxy;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::support::{EMAIL, PASSWORD, Service, refused, start_at, with_token};

const UNKNOWN: &str = "the database has not said whether this was written: read it before you repeat the call, or repeat it \
                       with the same request_id";

/// Start of the client's user agent. It is a value of the statement that stores a refresh.
const CLIENT: &[u8] = b"tonic/";

async fn logout(service: &Service, token: &str) -> Result<(), Status> {
    service.auth().logout(with_token(LogoutRequest {}, token)).await.map(drop)
}

async fn change_password(service: &Service, token: &str, from: &str, to: &str) -> Result<String, Status> {
    let request = ChangePasswordRequest { current_password: from.into(), new_password: to.into() };
    let answer = service.users().change_password(with_token(request, token)).await?.into_inner();
    Ok(answer.tokens.unwrap().access_token)
}

async fn login(service: &Service, password: &str) -> String {
    service.login(EMAIL, password).await.unwrap().tokens.unwrap().access_token
}

/// Returns the state of the token, as soon as the service can verify it.
async fn state(service: &Service, token: &str) -> TokenState {
    loop {
        match service.tokens().verify_token(VerifyTokenRequest { token: token.into() }).await {
            Ok(answer) => return answer.into_inner().state(),
            Err(status) => assert_eq!(status.code(), Code::Unavailable, "{status:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn commit_with_a_lost_answer_is_acknowledged() {
    const OTHER: &str = "another battery horse staple";
    let Some(server) = server().await else { return };
    let proxy = Proxy::to_socket(server.socket());
    let service = start_at(&server.url_at(proxy.address(), "postgres")).await;
    let token = service.register(EMAIL).await.unwrap().tokens.unwrap().access_token;
    proxy.cut_on_answer_of(b"commit");
    logout(&service, &token).await.unwrap();
    proxy.fired().await;
    assert_eq!(state(&service, &token).await, TokenState::Revoked);

    let token = login(&service, PASSWORD).await;
    proxy.cut_on_answer_of(b"commit");
    let next = change_password(&service, &token, PASSWORD, OTHER).await.unwrap();
    proxy.fired().await;
    assert_eq!(
        [state(&service, &token).await, state(&service, &next).await],
        [TokenState::Revoked, TokenState::Active]
    );
    assert_eq!(service.login(EMAIL, PASSWORD).await.unwrap_err().code(), Code::Unauthenticated);

    proxy.cut_on_answer_of(b"commit");
    let tokens = service.login(EMAIL, OTHER).await.unwrap().tokens.unwrap();
    proxy.fired().await;
    assert_eq!(state(&service, &tokens.access_token).await, TokenState::Active);

    // A refresh is one statement without `commit`, so the proxy waits for the message that has the user agent.
    proxy.cut_on_answer_of(CLIENT);
    let request = RefreshTokenRequest { refresh_token: tokens.refresh_token, ..RefreshTokenRequest::default() };
    let next = service.auth().refresh_token(request).await.unwrap().into_inner().tokens.unwrap().access_token;
    proxy.fired().await;
    assert_eq!(state(&service, &next).await, TokenState::Active);

    proxy.cut_on_answer_of(b"commit");
    let all = RevokeAllSessionsRequest { user_id: "me".into() };
    service.sessions().revoke_all_sessions(with_token(all, &next)).await.unwrap();
    proxy.fired().await;
    assert_eq!(state(&service, &next).await, TokenState::Revoked);
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_outcome_has_its_own_reason() {
    let Some(server) = server().await else { return };
    let proxy = Proxy::to_socket(server.socket());
    let service = start_at(&server.url_at(proxy.address(), "postgres")).await;
    let token = service.register(EMAIL).await.unwrap().tokens.unwrap().access_token;
    proxy.go_on_answer_of(b"commit");
    let status = logout(&service, &token).await.unwrap_err();
    refused(&status, Code::DeadlineExceeded, "OUTCOME_UNKNOWN", UNKNOWN);
    assert!(status.get_details_retry_info().is_none(), "no automatic retry");
    proxy.pass();
    assert_eq!(state(&service, &token).await, TokenState::Revoked, "the write took effect");
}

/// Locks the sessions in a transaction of `outside`, starts the call, and waits until the lock blocks the call. Returns
/// the blocked call.
async fn hold<'t, T>(
    outside: &mut PgConnection,
    call: impl Future<Output = T> + Send + 't,
) -> impl Future<Output = T> + 't
where
    T: Send + 't,
{
    const WAITING: &str = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'";
    outside.execute("begin; lock table sessions in exclusive mode").await.unwrap();
    let mut call = Box::pin(call);
    let waiting = async { while sqlx::query_scalar::<_, i64>(WAITING).fetch_one(&mut *outside).await.unwrap() == 0 {} };
    tokio::select! {
        _ = &mut call => panic!("the call does not wait"),
        () = waiting => {}
    }
    call
}

#[tokio::test(flavor = "multi_thread")]
async fn commit_is_acknowledged_while_the_log_is_unread() {
    let Some(server) = server().await else { return };
    let service = start_at(&server.url("postgres")).await;
    let token = service.register(EMAIL).await.unwrap().tokens.unwrap().access_token;
    let mut outside = PgConnection::connect(&server.url("postgres")).await.unwrap();
    let call = hold(&mut outside, logout(&service, &token)).await;
    // Only the follower reads this SQL view. Without the SQL view, each poll of the log fails.
    let mut other = PgConnection::connect(&server.url("postgres")).await.unwrap();
    other.execute("alter view current_log_head rename to hidden").await.unwrap();
    let verify = async || service.tokens().verify_token(VerifyTokenRequest { token: token.clone() }).await;
    while verify().await.is_ok() {}
    outside.execute("commit").await.unwrap();
    call.await.unwrap();
    assert_eq!(verify().await.unwrap_err().code(), Code::Unavailable, "no token is verified until the log is read");
    other.execute("alter view hidden rename to current_log_head").await.unwrap();
    assert_eq!(state(&service, &token).await, TokenState::Revoked);
}
