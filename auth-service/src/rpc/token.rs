//! `TokenService`: introspection of tokens, signing keys and the feed of revocations.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use gatepost::api::auth::v1::token_service_server::TokenService;
use gatepost::api::auth::v1::{
    ListSigningKeysRequest, ListSigningKeysResponse, TokenState, VerifyTokenRequest, VerifyTokenResponse,
    WatchRevocationsRequest, WatchRevocationsResponse,
};
use gatepost::{Identity, Token};
use kit::shutdown::Shutdown;
use tonic::{Request, Response, Status, Streaming};

use super::caller::caller;
use super::watch::watch;
use crate::app::{App, VerifiedBearer};
use crate::convert;
use crate::error::AuthError;

/// Longest time for which an answer may be cached.
const MAX_TTL: Duration = Duration::from_hours(1);

pub(super) struct TokenRpc {
    pub(super) app: Arc<App>,
    /// Ends the streams when the service stops.
    pub(super) stop: Shutdown,
}

#[tonic::async_trait]
impl TokenService for TokenRpc {
    async fn verify_token(
        &self,
        request: Request<VerifyTokenRequest>,
    ) -> Result<Response<VerifyTokenResponse>, Status> {
        let token = Token::parse(&request.into_inner().token).ok();
        let introspected = self.app.introspector.introspect(token.as_ref()).await.map_err(AuthError::from)?;
        let mut answer = match introspected.bearer {
            VerifiedBearer::User(token) => {
                let left = token.claims().exp.saturating_sub(self.app.clock.now().timestamp());
                let left = Duration::from_secs(u64::try_from(left).unwrap_or_default());
                active(convert::claims(&token), left)
            }
            VerifiedBearer::Service(name) => active(convert::service_claims(&name, &self.app.audiences), MAX_TTL),
            VerifiedBearer::ApiKey(verified) => {
                let left = verified.end.map(|end| (end - self.app.clock.now()).to_std().unwrap_or_default());
                active(convert::api_key_claims(&verified, &self.app.audiences), left.unwrap_or(MAX_TTL))
            }
            VerifiedBearer::Inactive(reason) => {
                VerifyTokenResponse { state: TokenState::from(reason).into(), ..VerifyTokenResponse::default() }
            }
        };
        answer.position = Some(convert::position(introspected.position));
        Ok(Response::new(answer))
    }

    async fn list_signing_keys(
        &self,
        _: Request<ListSigningKeysRequest>,
    ) -> Result<Response<ListSigningKeysResponse>, Status> {
        let keys = self.app.issuing.keys_now().public().iter().cloned().map(convert::signing_key).collect();
        Ok(Response::new(ListSigningKeysResponse { keys }))
    }

    type WatchRevocationsStream = Pin<Box<dyn Stream<Item = Result<WatchRevocationsResponse, Status>> + Send>>;

    async fn watch_revocations(
        &self,
        request: Request<Streaming<WatchRevocationsRequest>>,
    ) -> Result<Response<Self::WatchRevocationsStream>, Status> {
        caller(&request)?.require_service()?;
        let service = Identity::find(&request).map(|identity| identity.subject.clone()).unwrap_or_default();
        Ok(Response::new(Box::pin(watch(&self.app, &service, request.into_inner(), self.stop.clone()).await?)))
    }
}

fn active(claims: gatepost::api::auth::v1::TokenClaims, left: Duration) -> VerifyTokenResponse {
    VerifyTokenResponse {
        state: TokenState::Active.into(),
        claims: Some(claims),
        ttl: prost_types::Duration::try_from(left.min(MAX_TTL)).ok(),
        position: None,
    }
}
