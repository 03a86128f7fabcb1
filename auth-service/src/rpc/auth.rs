//! `AuthService`: sessions begin and end.

use std::sync::Arc;

use gatepost::api::auth::v1::auth_service_server::AuthService;
use gatepost::api::auth::v1::{LoginRequest, LoginResponse, LogoutRequest, LogoutResponse};
use tonic::{Request, Response, Status};

use super::caller;
use crate::convert;
use crate::domain::{Password, UserState};
use crate::error::Error;
use crate::state::State;

pub(super) struct AuthRpc(pub(super) Arc<State>);

#[tonic::async_trait]
impl AuthService for AuthRpc {
    async fn login(&self, request: Request<LoginRequest>) -> Result<Response<LoginResponse>, Status> {
        Ok(Response::new(login(&self.0, request.into_inner()).await?))
    }

    async fn logout(&self, request: Request<LogoutRequest>) -> Result<Response<LogoutResponse>, Status> {
        let (_, session) = caller(&request)?;
        self.0.store.end_session(session, self.0.clock.now()).await.map_err(Error::from)?;
        Ok(Response::new(LogoutResponse {}))
    }
}

async fn login(state: &State, request: LoginRequest) -> Result<LoginResponse, Error> {
    let email = convert::email(&request.email)?;
    let found = state.store.credentials(email.key()).await?;
    // The same work for a known, an unknown and a disabled user (C51): one look-up, one hash, one answer.
    let hash = found.as_ref().map(|found| found.password_hash.clone());
    let right = state.hasher.verify(Password::new(request.password), hash).await?;
    let user =
        found.filter(|found| right && found.user.state == UserState::Active).ok_or(Error::InvalidCredentials)?.user;
    let session = state.new_session(user.id, user.generation);
    let tokens = state.access_token(&user, &session)?;
    state.store.create_session(&session).await?;
    Ok(LoginResponse { tokens: Some(convert::tokens(tokens)), user: Some(convert::user(&user)) })
}
