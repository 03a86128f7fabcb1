//! `AuthService`: sessions begin and end.

use std::sync::Arc;

use gatepost::Rejection;
use gatepost::api::auth::v1::auth_service_server::AuthService;
use gatepost::api::auth::v1::{
    LoginRequest, LoginResponse, LogoutRequest, LogoutResponse, RefreshTokenRequest, RefreshTokenResponse,
};
use kit::failure::both;
use tonic::{Request, Response, Status};

use super::accounts::Tried;
use super::caller::Caller;
use super::login;
use super::refresh::refresh;
use crate::convert;
use crate::domain::{Client, Password};
use crate::error::Error;
use crate::quotas::Quota;
use crate::state::State;

pub(super) struct AuthRpc(pub(super) Arc<State>);

#[tonic::async_trait]
impl AuthService for AuthRpc {
    async fn login(&self, request: Request<LoginRequest>) -> Result<Response<LoginResponse>, Status> {
        let client = convert::client(&request, &self.0.callers);
        Ok(Response::new(login(&self.0, request.into_inner(), &client).await?))
    }

    async fn refresh_token(
        &self,
        request: Request<RefreshTokenRequest>,
    ) -> Result<Response<RefreshTokenResponse>, Status> {
        let client = convert::client(&request, &self.0.callers);
        let tokens = refresh(&self.0, request.into_inner(), &client).await?;
        Ok(Response::new(RefreshTokenResponse { tokens: Some(convert::tokens(tokens)) }))
    }

    async fn logout(&self, request: Request<LogoutRequest>) -> Result<Response<LogoutResponse>, Status> {
        let caller = Caller::of(&request)?;
        let session = caller.session().ok_or(Error::Refused(Rejection::NotAllowed))?;
        let ended = self.0.store.end_session(session, self.0.stamp()).await.map_err(Error::from)?;
        self.0.revoked(ended).await?;
        Ok(Response::new(LogoutResponse {}))
    }
}

async fn login(state: &State, request: LoginRequest, client: &Client) -> Result<LoginResponse, Error> {
    let audiences = convert::audiences(&state.audiences, request.audiences);
    let (email, audiences) = both(convert::email(&request.email), audiences)?;
    state.quotas.check(Quota::Logins, &client.peer, state.clock.earliest())?;
    let user = login::check(state, Tried::Login(email.key()), client, Password::new(request.password)).await?;
    state.quotas.count(Quota::Logins, &client.peer, state.clock.earliest());
    let tokens = login::begin(state, &user, client, &audiences).await?;
    Ok(LoginResponse { tokens: Some(tokens), user: Some(convert::user(user, true)) })
}
