//! Audiences: with an audience of its own, the auth service accepts only tokens for itself.

use gatepost::api::auth::v1::{
    GetMeRequest, LoginRequest, RefreshTokenRequest, SetUserRolesRequest, TokenClaims, TokenState, VerifyTokenRequest,
};
use tonic::{Code, Status};

use super::support::{ADMIN, PASSWORD, Service, Settings, bad_fields, refused, start_with, with_token};

const APART: &[&str] = &["--audience", "blog,shop", "--own-audience", "auth"];

async fn apart() -> Service {
    start_with(Settings { admin: true, flags: APART, ..Settings::default() }).await
}

/// Returns an access token and a refresh token of the admin for these audiences.
async fn login(service: &Service, audiences: &[&str]) -> Result<(String, String), Status> {
    let audiences = audiences.iter().map(ToString::to_string).collect();
    let request = LoginRequest { email: ADMIN.into(), password: PASSWORD.into(), audiences };
    let tokens = service.auth().login(request).await?.into_inner().tokens.unwrap();
    Ok((tokens.access_token, tokens.refresh_token))
}

async fn get_me(service: &Service, token: &str) -> Result<String, Status> {
    let answer = service.users().get_me(with_token(GetMeRequest {}, token)).await?;
    Ok(answer.into_inner().user.unwrap().id)
}

async fn claims(service: &Service, token: &str) -> TokenClaims {
    let request = VerifyTokenRequest { token: token.into() };
    let answer = service.tokens().verify_token(request).await.unwrap().into_inner();
    assert_eq!(answer.state(), TokenState::Active);
    answer.claims.unwrap()
}

#[tokio::test]
async fn token_for_another_service_is_refused_at_auth() {
    let service = apart().await;
    let (token, _) = login(&service, &[]).await.unwrap();
    let said = claims(&service, &token).await;
    assert_eq!((said.audience.as_str(), said.audiences), ("blog", vec!["blog".into(), "shop".into()]));
    let status = get_me(&service, &token).await.unwrap_err();
    refused(&status, Code::Unauthenticated, "TOKEN_INVALID", "invalid token");
    let request = SetUserRolesRequest { id: "me".into(), roles: vec!["admin".into()], etag: String::new() };
    let status = service.users().set_user_roles(with_token(request, &token)).await.unwrap_err();
    refused(&status, Code::Unauthenticated, "TOKEN_INVALID", "invalid token");
    let (own, _) = login(&service, &["auth"]).await.unwrap();
    get_me(&service, &own).await.unwrap();
    assert_eq!(claims(&service, &own).await.audiences, ["auth"]);
}

#[tokio::test]
async fn refresh_may_name_other_audiences() {
    let service = apart().await;
    let (_, refresh_token) = login(&service, &["shop"]).await.unwrap();
    let refresh = |refresh_token: &str, audiences: &[&str]| {
        let audiences = audiences.iter().map(ToString::to_string).collect();
        let request = RefreshTokenRequest { refresh_token: refresh_token.into(), audiences };
        let mut auth = service.auth();
        async move { auth.refresh_token(request).await.map(|answer| answer.into_inner().tokens.unwrap()) }
    };
    let status = refresh(&refresh_token, &["auth", "elsewhere"]).await.unwrap_err();
    assert_eq!(bad_fields(&status), ["audiences[1]"]);
    let own = refresh(&refresh_token, &["auth"]).await.unwrap();
    get_me(&service, &own.access_token).await.unwrap();
    let next = refresh(&own.refresh_token, &[]).await.unwrap();
    assert_eq!(claims(&service, &next.access_token).await.audiences, ["blog", "shop"]);
}

#[tokio::test]
async fn unknown_and_repeated_audiences_are_bad_fields() {
    let service = apart().await;
    for (wanted, field) in
        [(&["other"][..], "audiences[0]"), (&["blog", "blog"], "audiences[1]"), (&[""], "audiences[0]")]
    {
        assert_eq!(bad_fields(&login(&service, wanted).await.unwrap_err()), [field], "{wanted:?}");
    }
}

#[tokio::test]
async fn single_audience_works_as_before() {
    let service = start_with(Settings { admin: true, ..Settings::default() }).await;
    let (token, _) = login(&service, &[]).await.unwrap();
    get_me(&service, &token).await.unwrap();
    let said = claims(&service, &token).await;
    assert_eq!((said.audience.as_str(), said.audiences), ("gatepost", vec!["gatepost".into()]));
}
