//! A service on a free port, in a folder that vanishes.

use std::net::SocketAddr;
use std::path::PathBuf;

use auth_service::{Config, Flags};
use gatepost::api::auth::v1::auth_service_client::AuthServiceClient;
use gatepost::api::auth::v1::token_service_client::TokenServiceClient;
use gatepost::api::auth::v1::user_service_client::UserServiceClient;
use gatepost::api::auth::v1::{
    CreateUserRequest, CreateUserResponse, LoginRequest, LoginResponse, TokenState, VerifyTokenRequest,
};
use kit::Clock;
use kit::config::{Environment, parse};
use kit::shutdown::Shutdown;
use secrecy::SecretString;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

pub(crate) const EMAIL: &str = "ada@example.com";
pub(crate) const PASSWORD: &str = "correct horse battery staple";
pub(crate) const SECRET: &str = "b3f1c8d2-7a64-4f0e-9d1b-2c5e8a7f6d3c";
pub(crate) const SERVICE_KEY: &str = "s-9f8e7d6c5b4a39281706f5e4d3c2b1a0";

pub(crate) struct Service {
    pub(crate) clock: Clock,
    pub(crate) channel: Channel,
    pub(crate) address: SocketAddr,
    folder: TempDir,
    _shutdown: tokio_util::sync::DropGuard,
}

/// What a test may set.
#[derive(Default)]
pub(crate) struct Settings {
    pub(crate) secret: Option<&'static str>,
    pub(crate) service_key: Option<&'static str>,
}

/// A service with an Ed25519 key of its own.
pub(crate) async fn start() -> Service {
    start_with(Settings::default()).await
}

pub(crate) async fn start_with(settings: Settings) -> Service {
    let folder = kit::testing::folder();
    let clock = kit::testing::clock();
    let database = format!("sqlite:{}", folder.path().join("auth.db").display());
    let args = ["auth-service", "--listen", "127.0.0.1:0", "--database-url", &database].map(Into::into);
    let flags: Flags = parse(args, Environment::new(|_| None), &[]).unwrap();
    let mut config = Config::new(flags, Environment::new(|_| None), clock.clone()).unwrap();
    config.secret_key =
        settings.secret.map(|secret| auth_service::tokens::Key::hs256(&SecretString::from(secret)).unwrap());
    config.service_key = settings.service_key.map(SecretString::from);
    let listener = TcpListener::bind(config.flags.listen).await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = Shutdown::new();
    tokio::spawn(auth_service::run(config, listener, shutdown.clone()));
    let channel = Endpoint::from_shared(format!("http://{address}")).unwrap().connect_lazy();
    Service { clock, channel, address, folder, _shutdown: shutdown.drop_guard() }
}

impl Service {
    pub(crate) fn auth(&self) -> AuthServiceClient<Channel> {
        AuthServiceClient::new(self.channel.clone())
    }

    pub(crate) fn users(&self) -> UserServiceClient<Channel> {
        UserServiceClient::new(self.channel.clone())
    }

    pub(crate) fn tokens(&self) -> TokenServiceClient<Channel> {
        TokenServiceClient::new(self.channel.clone())
    }

    pub(crate) fn key_file(&self) -> PathBuf {
        self.folder.path().join("auth.key.pem")
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.folder.path().join("auth.db")
    }

    pub(crate) async fn register(&self, email: &str) -> Result<CreateUserResponse, Status> {
        let request = CreateUserRequest { name: "Ada".into(), email: email.into(), password: PASSWORD.into() };
        Ok(self.users().create_user(request).await?.into_inner())
    }

    pub(crate) async fn login(&self, email: &str, password: &str) -> Result<LoginResponse, Status> {
        let request = LoginRequest { email: email.into(), password: password.into() };
        Ok(self.auth().login(request).await?.into_inner())
    }

    /// An access token of a newly registered user.
    pub(crate) async fn token(&self) -> String {
        self.register(EMAIL).await.unwrap().tokens.unwrap().access_token
    }

    /// What the service says of a token.
    pub(crate) async fn state(&self, token: &str) -> TokenState {
        let answer = self.tokens().verify_token(VerifyTokenRequest { token: token.into() }).await.unwrap().into_inner();
        assert_eq!(answer.claims.is_some(), answer.state() == TokenState::Active, "claims are for ACTIVE alone");
        answer.state()
    }
}

pub(crate) fn with_token<T>(message: T, token: &str) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("api-token", token.parse().unwrap());
    request
}

#[track_caller]
pub(crate) fn refused(status: &Status, code: Code, reason: &str, message: &str) {
    let info = status.get_details_error_info().expect("every status has ErrorInfo");
    assert_eq!((status.code(), info.reason.as_str(), status.message()), (code, reason, message));
    assert_eq!(info.domain, "auth.gatepost.dev");
}
