//! `AuthService`: login, refresh and logout.

use std::sync::Arc;

use gatepost::api::auth::v1::auth_service_server::AuthService;
use gatepost::api::auth::v1::{
    LoginRequest, LoginResponse, LogoutRequest, LogoutResponse, RefreshTokenRequest, RefreshTokenResponse,
};
use kit::failure::both;
use kit::peer::CallerResolver;
use tonic::{Request, Response, Status};

use super::caller::caller;
use crate::app::{App, login, refresh, sessions};
use crate::convert;
use crate::domain::Password;

pub(super) struct AuthRpc {
    pub(super) app: Arc<App>,
    pub(super) callers: CallerResolver,
}

#[tonic::async_trait]
impl AuthService for AuthRpc {
    async fn login(&self, request: Request<LoginRequest>) -> Result<Response<LoginResponse>, Status> {
        let context = convert::context(&request, &self.callers);
        let LoginRequest { email, password, audiences } = request.into_inner();
        let (email, audiences) = both(convert::email(&email), convert::audiences(&self.app.audiences, audiences))?;
        let password = Password::new(password);
        let (user, tokens) = login::login(&self.app, &context, &email, password, &audiences).await?;
        Ok(Response::new(LoginResponse {
            tokens: Some(convert::tokens(tokens)),
            user: Some(convert::user(user, true)),
        }))
    }

    async fn refresh_token(
        &self,
        request: Request<RefreshTokenRequest>,
    ) -> Result<Response<RefreshTokenResponse>, Status> {
        let context = convert::context(&request, &self.callers);
        let RefreshTokenRequest { refresh_token, audiences } = request.into_inner();
        let audiences = convert::audiences(&self.app.audiences, audiences)?;
        let tokens = refresh::refresh(&self.app, &context, &refresh_token, &audiences).await?;
        Ok(Response::new(RefreshTokenResponse { tokens: Some(convert::tokens(tokens)) }))
    }

    async fn logout(&self, request: Request<LogoutRequest>) -> Result<Response<LogoutResponse>, Status> {
        let context = convert::context(&request, &self.callers);
        sessions::log_out(&self.app, caller(&request)?, &context).await?;
        Ok(Response::new(LogoutResponse {}))
    }
}
