//! Client of the auth service: each command calls through it, over the wire or on the database.

use gatepost::api::auth::v1::api_key_service_client::ApiKeyServiceClient;
use gatepost::api::auth::v1::audit_service_client::AuditServiceClient;
use gatepost::api::auth::v1::auth_service_client::AuthServiceClient;
use gatepost::api::auth::v1::session_service_client::SessionServiceClient;
use gatepost::api::auth::v1::token_service_client::TokenServiceClient;
use gatepost::api::auth::v1::user_service_client::UserServiceClient;
use gatepost::tls::ClientTls;
use gatepost::{Reaction, Token};
use kit::cli::CommandFailure;
use tonic::metadata::MetadataValue;
use tonic::service::Routes;
use tonic::transport::Channel;
use tonic::{Request, Response, Status};

use super::bearer::Bearer;
use super::pace::bounded_request;
use super::refusal::{call_failure, reason};
use super::transport::Transport;

/// Header with the token of a call.
const TOKEN_HEADER: &str = "api-token";

/// Client of the auth service.
#[derive(Debug)]
pub(crate) struct Client {
    transport: Transport,
    bearer: Bearer,
    /// Place of the accounts, for messages.
    place: String,
    tls: Option<ClientTls>,
}

/// Clients of the services, for one call.
pub(super) struct Services(Transport);

impl Services {
    pub(super) fn api_keys(&self) -> ApiKeyServiceClient<Transport> {
        ApiKeyServiceClient::new(self.0.clone())
    }

    pub(super) fn audit(&self) -> AuditServiceClient<Transport> {
        AuditServiceClient::new(self.0.clone())
    }

    pub(super) fn auth(&self) -> AuthServiceClient<Transport> {
        AuthServiceClient::new(self.0.clone())
    }

    pub(super) fn sessions(&self) -> SessionServiceClient<Transport> {
        SessionServiceClient::new(self.0.clone())
    }

    pub(super) fn tokens(&self) -> TokenServiceClient<Transport> {
        TokenServiceClient::new(self.0.clone())
    }

    pub(super) fn users(&self) -> UserServiceClient<Transport> {
        UserServiceClient::new(self.0.clone())
    }
}

impl Client {
    /// Creates a client of the service at this URL.
    pub(super) fn remote(url: String, channel: Channel, tls: Option<ClientTls>, bearer: Bearer) -> Self {
        Self { transport: Transport::Remote(channel), bearer, place: url, tls }
    }

    /// Creates a client of the methods in this process. They treat its caller as the operator.
    pub(crate) fn operator(routes: Routes, database: String) -> Self {
        Self { transport: Transport::Local(routes), bearer: Bearer::Operator, place: database, tls: None }
    }

    /// Returns the place of the accounts: the URL of the service or of the database.
    pub(super) fn place(&self) -> &str {
        &self.place
    }

    /// Returns the bearer of the calls.
    pub(super) fn bearer(&self) -> &Bearer {
        &self.bearer
    }

    /// Calls a unary method.
    ///
    /// # Errors
    /// The error says what to do.
    pub(super) async fn call<Q: Clone, A>(
        &self,
        message: Q,
        send: impl AsyncFn(Services, Request<Q>) -> Result<Response<A>, Status>,
    ) -> Result<A, CommandFailure> {
        self.try_call(message, send).await?.map_err(|status| self.failure(&status))
    }

    /// Calls a unary method or begins a stream. Returns the status of a refused call as a value. Renews a refused
    /// access token once.
    ///
    /// # Errors
    /// Fails if there is no token.
    pub(super) async fn try_call<Q: Clone, A>(
        &self,
        message: Q,
        send: impl AsyncFn(Services, Request<Q>) -> Result<Response<A>, Status>,
    ) -> Result<Result<A, Status>, CommandFailure> {
        let token = self.bearer.token().await?;
        let answer = self.send(message.clone(), token.as_ref(), &send).await?;
        let Err(status) = &answer else { return Ok(answer) };
        let is_dead = reason(status).is_some_and(|reason| Reaction::from_reason(reason) == Reaction::RefreshOnce);
        let Some(refused) = token.filter(|_| is_dead) else { return Ok(answer) };
        match self.bearer.renewed(&refused).await? {
            Some(renewed) => self.send(message, Some(&renewed), &send).await,
            None => Ok(answer),
        }
    }

    async fn send<Q, A>(
        &self,
        message: Q,
        token: Option<&Token>,
        send: &impl AsyncFn(Services, Request<Q>) -> Result<Response<A>, Status>,
    ) -> Result<Result<A, Status>, CommandFailure> {
        let mut request = Request::new(message);
        if let Some(token) = token {
            let value = token.expose().parse::<MetadataValue<_>>();
            let mut value = value.map_err(|_| CommandFailure::refused("the token cannot be sent: log in again"))?;
            value.set_sensitive(true);
            request.metadata_mut().insert(TOKEN_HEADER, value);
        }
        Ok(bounded_request(request, |request| send(Services(self.transport.clone()), request)).await)
    }

    /// Returns the failure of a call.
    pub(super) fn failure(&self, status: &Status) -> CommandFailure {
        call_failure(status, &self.place, self.tls.as_ref())
    }
}
