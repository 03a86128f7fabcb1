//! Four processes and two databases.

use std::ops::Deref;
use std::time::Duration;

use blog_service::api::v1::post_service_client::PostServiceClient;
use gatepost::api::auth::v1::api_key_service_client::ApiKeyServiceClient;
use gatepost::api::auth::v1::auth_service_client::AuthServiceClient;
use gatepost::api::auth::v1::session_service_client::SessionServiceClient;
use gatepost::api::auth::v1::token_service_client::TokenServiceClient;
use gatepost::api::auth::v1::user_service_client::UserServiceClient;
use gatepost::api::auth::v1::{
    CreateUserRequest, CreateUserResponse, LoginRequest, RefreshTokenRequest, TokenPair, TokenState, VerifyTokenRequest,
};
use testkit::postgres::PostgresDatabase;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};
use tonic_types::StatusExt as _;

use super::pair::PASSWORD;
use super::service::{SEALED, Service, Which, command};

pub(crate) const ADMIN: &str = "root@example.com";

/// Two replicas of each service, while their processes run.
pub(crate) struct World {
    replicas: Replicas,
    services: Vec<Service>,
    databases: [PostgresDatabase; 2],
}

/// Connections to the replicas; each blog service asks the auth service with its own number.
#[derive(Clone)]
pub(crate) struct Replicas {
    auth: [Channel; 2],
    blog: [Channel; 2],
}

impl Deref for World {
    type Target = Replicas;

    fn deref(&self) -> &Replicas {
        &self.replicas
    }
}

impl World {
    /// Starts the replicas; `None` where PostgreSQL is skipped.
    pub(crate) async fn start() -> Option<Self> {
        let databases = [testkit::postgres::database().await?, testkit::postgres::database().await?];
        let mut services = Vec::new();
        let (mut auth, mut blog) = (Vec::new(), Vec::new());
        for _ in 0..2 {
            let settings = [SEALED[0], ("AUTH_ADMIN_EMAIL", ADMIN), ("AUTH_ADMIN_PASSWORD", PASSWORD)];
            let mut users = Service::start_with(Which::Auth, &databases[0].url, &settings);
            let at = users.serves();
            let mut command = command(Which::Blog, &databases[1].url);
            let mut posts = Service::spawn(command.args(["--auth-url", &format!("http://{at}")]), Vec::new());
            blog.push(channel(&posts.serves()));
            auth.push(channel(&at));
            services.extend([users, posts]);
        }
        let [auth, blog] = [auth, blog].map(|two| two.try_into().unwrap());
        Some(Self { replicas: Replicas { auth, blog }, services, databases })
    }

    /// Returns the URL of the auth services' database.
    pub(crate) fn users_url(&self) -> &str {
        &self.databases[0].url
    }

    /// Waits for a line with this part in the log of an auth service.
    pub(crate) fn wait_for_line(&mut self, replica: usize, part: &str) -> String {
        self.services[replica * 2].wait_for_line(&[part])
    }

    pub(crate) fn stop(self) {
        let Self { replicas, services, databases: _databases } = self;
        // Otherwise a stopping service would wait for the other end of an open connection.
        drop(replicas);
        services.into_iter().for_each(Service::stop);
    }
}

impl Replicas {
    pub(crate) fn login_at(&self, replica: usize) -> AuthServiceClient<Channel> {
        AuthServiceClient::new(self.auth[replica].clone())
    }

    pub(crate) fn api_keys_at(&self, replica: usize) -> ApiKeyServiceClient<Channel> {
        ApiKeyServiceClient::new(self.auth[replica].clone())
    }

    pub(crate) fn users_at(&self, replica: usize) -> UserServiceClient<Channel> {
        UserServiceClient::new(self.auth[replica].clone())
    }

    pub(crate) fn sessions_at(&self, replica: usize) -> SessionServiceClient<Channel> {
        SessionServiceClient::new(self.auth[replica].clone())
    }

    pub(crate) fn posts_at(&self, replica: usize) -> PostServiceClient<Channel> {
        PostServiceClient::new(self.blog[replica].clone())
    }

    pub(crate) async fn register(&self, replica: usize, email: &str) -> Result<CreateUserResponse, Status> {
        let request = CreateUserRequest {
            name: "Somebody".into(),
            email: email.into(),
            password: PASSWORD.into(),
            ..CreateUserRequest::default()
        };
        Ok(self.users_at(replica).create_user(with_deadline(request)).await?.into_inner())
    }

    pub(crate) async fn log_in(&self, replica: usize, email: &str) -> Result<TokenPair, Status> {
        let request = LoginRequest { email: email.into(), password: PASSWORD.into(), ..LoginRequest::default() };
        Ok(self.login_at(replica).login(with_deadline(request)).await?.into_inner().tokens.unwrap())
    }

    pub(crate) async fn refresh(&self, replica: usize, token: &str) -> Result<TokenPair, Status> {
        let request = RefreshTokenRequest { refresh_token: token.into(), ..RefreshTokenRequest::default() };
        Ok(self.login_at(replica).refresh_token(with_deadline(request)).await?.into_inner().tokens.unwrap())
    }

    pub(crate) async fn state(&self, replica: usize, token: &str) -> TokenState {
        let request = VerifyTokenRequest { token: token.into() };
        let mut tokens = TokenServiceClient::new(self.auth[replica].clone());
        tokens.verify_token(with_deadline(request)).await.unwrap().into_inner().state()
    }
}

fn channel(address: &str) -> Channel {
    Endpoint::from_shared(format!("http://{address}")).unwrap().connect_lazy()
}

/// Returns a request with a longer deadline than the service's own: a test may run next to others.
pub(crate) fn with_deadline<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(Duration::from_mins(1));
    request
}

pub(crate) fn with_token<T>(message: T, token: &str) -> Request<T> {
    let mut request = with_deadline(message);
    request.metadata_mut().insert("api-token", token.parse().unwrap());
    request
}

pub(crate) fn reason(status: &Status) -> String {
    status.get_details_error_info().map(|info| info.reason).unwrap_or_default()
}
