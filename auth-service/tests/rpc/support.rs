//! A service on a free port, in a temporary folder.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use auth_service::store::{AuthStore, DatabaseUrl};
use auth_service::{AuthConfig, AuthFlags, ServiceKey};
use gatepost::api::auth::v1::api_key_service_client::ApiKeyServiceClient;
use gatepost::api::auth::v1::audit_service_client::AuditServiceClient;
use gatepost::api::auth::v1::auth_service_client::AuthServiceClient;
use gatepost::api::auth::v1::session_service_client::SessionServiceClient;
use gatepost::api::auth::v1::token_service_client::TokenServiceClient;
use gatepost::api::auth::v1::user_service_client::UserServiceClient;
use gatepost::api::auth::v1::{
    CreateUserRequest, CreateUserResponse, LoginRequest, LoginResponse, SetUserRolesRequest, TokenState, User,
    VerifyTokenRequest,
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
pub(crate) const ADMIN: &str = "root@example.com";
pub(crate) const PASSWORD: &str = "correct horse battery staple";
pub(crate) const SECRET: &str = "b3f1c8d2-7a64-4f0e-9d1b-2c5e8a7f6d3c";
pub(crate) const SERVICE_KEY: &str = "s-9f8e7d6c5b4a39281706f5e4d3c2b1a0";

pub(crate) struct Service {
    pub(crate) clock: Clock,
    pub(crate) channel: Channel,
    pub(crate) address: SocketAddr,
    /// Address of the operations port.
    pub(crate) ops: SocketAddr,
    folder: TempDir,
    shutdown: tokio_util::sync::DropGuard,
    task: tokio::task::JoinHandle<Result<(), auth_service::AuthRunError>>,
}

/// Settings of a test's service.
#[derive(Default)]
pub(crate) struct Settings {
    pub(crate) secret: Option<&'static str>,
    /// Content of the key file before the start.
    pub(crate) key_pem: Option<String>,
    pub(crate) service_key: Option<&'static str>,
    /// Creates an admin, [`ADMIN`], with the password [`PASSWORD`], if `true`.
    pub(crate) admin: bool,
    pub(crate) closed: bool,
    /// Further flags.
    pub(crate) flags: &'static [&'static str],
    pub(crate) password_min_length: Option<u8>,
}

/// A user and a token of it.
pub(crate) struct Account {
    pub(crate) id: String,
    pub(crate) user: User,
    pub(crate) token: String,
}

/// Starts a service with its own Ed25519 key.
pub(crate) async fn start() -> Service {
    start_with(Settings::default()).await
}

pub(crate) async fn start_with(settings: Settings) -> Service {
    start_in(testkit::folder(), testkit::clock(), settings).await
}

/// Starts a service on the data of an earlier one.
pub(crate) async fn start_in(folder: TempDir, clock: Clock, settings: Settings) -> Service {
    if let Some(pem) = settings.key_pem {
        make_database(folder.path()).await;
        let path = folder.path().join("auth.key.pem");
        std::fs::write(&path, pem).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    }
    let database = format!("sqlite:{}", folder.path().join("auth.db").display());
    let mut args = vec!["auth-service", "--listen", "127.0.0.1:0", "--database-url", &database];
    let mut environment = Environment::new(|_| None);
    if settings.admin {
        args.extend(["--admin-email", ADMIN]);
        environment = Environment::new(|name| (name == "AUTH_ADMIN_PASSWORD").then(|| PASSWORD.into()));
    }
    if settings.closed {
        args.extend(["--registration", "closed"]);
    }
    args.extend(settings.flags);
    let mut flags: AuthFlags = parse(args.into_iter().map(Into::into), Environment::new(|_| None), &[]).unwrap();
    flags.password_min_length = settings.password_min_length.unwrap_or(flags.password_min_length);
    let mut config = AuthConfig::new(flags, environment, clock.clone()).unwrap();
    config.secret_key =
        settings.secret.map(|secret| auth_service::keys::model::Key::hs256(&SecretString::from(secret)).unwrap());
    config.service_keys.extend(settings.service_key.map(service_key));
    serve(config, folder, clock).await
}

/// Creates the database that belongs to a key file: a start with only the key file is refused.
pub(crate) async fn make_database(folder: &Path) {
    let url = DatabaseUrl::Sqlite(folder.join("auth.db"));
    AuthStore::open(&url).await.unwrap().close().await;
}

/// Starts a service on a server's database, with the key [`SERVICE_KEY`].
pub(crate) async fn start_at(database: &str) -> Service {
    start_at_with(database, testkit::clock()).await
}

/// Starts a service on a server's database, with this clock.
pub(crate) async fn start_at_with(database: &str, clock: Clock) -> Service {
    start_at_by(database, clock, &[]).await
}

/// Starts a service on a server's database, with this clock and further flags.
pub(crate) async fn start_at_by(database: &str, clock: Clock, further: &[&str]) -> Service {
    let folder = testkit::folder();
    let args = ["auth-service", "--listen", "127.0.0.1:0", "--insecure", "--database-url", database];
    let args = args.into_iter().chain(further.iter().copied());
    let flags: AuthFlags = parse(args.map(Into::into), Environment::new(|_| None), &[]).unwrap();
    let mut config = AuthConfig::new(flags, Environment::new(|_| None), clock.clone()).unwrap();
    config.secret_key = Some(auth_service::keys::model::Key::hs256(&SecretString::from(SECRET)).unwrap());
    config.service_keys.push(service_key(SERVICE_KEY));
    serve(config, folder, clock).await
}

pub(crate) async fn serve(mut config: AuthConfig, folder: TempDir, clock: Clock) -> Service {
    let listener = TcpListener::bind(config.flags.listen).await.unwrap();
    let address = listener.local_addr().unwrap();
    let listen = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let ops = listen.local_addr().unwrap();
    config.ops = Some(listen);
    let shutdown = Shutdown::new();
    let task = tokio::spawn(auth_service::run(config, listener, shutdown.clone()));
    let channel = Endpoint::from_shared(format!("http://{address}")).unwrap().connect_lazy();
    Service { clock, channel, address, ops, folder, shutdown: shutdown.drop_guard(), task }
}

impl Service {
    /// Stops the service, and returns its folder and clock.
    pub(crate) async fn stop(self) -> (TempDir, Clock) {
        let Self { clock, channel, folder, shutdown, task, .. } = self;
        drop((channel, shutdown));
        task.await.unwrap().unwrap();
        (folder, clock)
    }

    /// Waits until the service ends by itself.
    pub(crate) async fn ended(self) -> Result<(), auth_service::AuthRunError> {
        let Self { shutdown: _shutdown, folder: _folder, task, .. } = self;
        task.await.unwrap()
    }

    pub(crate) fn auth(&self) -> AuthServiceClient<Channel> {
        AuthServiceClient::new(self.channel.clone())
    }

    pub(crate) fn api_keys(&self) -> ApiKeyServiceClient<Channel> {
        ApiKeyServiceClient::new(self.channel.clone())
    }

    pub(crate) fn audit(&self) -> AuditServiceClient<Channel> {
        AuditServiceClient::new(self.channel.clone())
    }

    pub(crate) fn users(&self) -> UserServiceClient<Channel> {
        UserServiceClient::new(self.channel.clone())
    }

    pub(crate) fn sessions(&self) -> SessionServiceClient<Channel> {
        SessionServiceClient::new(self.channel.clone())
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
        let request = CreateUserRequest {
            name: "Ada".into(),
            email: email.into(),
            password: PASSWORD.into(),
            ..CreateUserRequest::default()
        };
        Ok(self.users().create_user(request).await?.into_inner())
    }

    pub(crate) async fn login(&self, email: &str, password: &str) -> Result<LoginResponse, Status> {
        let request = LoginRequest { email: email.into(), password: password.into(), ..LoginRequest::default() };
        Ok(self.auth().login(request).await?.into_inner())
    }

    /// Registers a new user.
    pub(crate) async fn account(&self, email: &str) -> Account {
        let created = self.register(email).await.unwrap();
        let user = created.user.unwrap();
        Account { id: user.id.clone(), user, token: created.tokens.unwrap().access_token }
    }

    /// Logs in the admin of [`Settings::admin`].
    pub(crate) async fn admin(&self) -> Account {
        let answer = self.login(ADMIN, PASSWORD).await.unwrap();
        let user = answer.user.unwrap();
        Account { id: user.id.clone(), user, token: answer.tokens.unwrap().access_token }
    }

    /// Gives a user these roles, as the admin.
    pub(crate) async fn set_roles(&self, admin: &Account, id: &str, roles: &[&str]) -> Result<User, Status> {
        let roles = roles.iter().map(ToString::to_string).collect();
        let request = SetUserRolesRequest { id: id.into(), roles, etag: String::new() };
        let answer = self.users().set_user_roles(with_token(request, &admin.token)).await?;
        Ok(answer.into_inner().user.unwrap())
    }

    /// Registers a user and returns an access token.
    pub(crate) async fn token(&self) -> String {
        self.register(EMAIL).await.unwrap().tokens.unwrap().access_token
    }

    /// Returns the service's introspection of a token.
    pub(crate) async fn state(&self, token: &str) -> TokenState {
        let answer = self.tokens().verify_token(VerifyTokenRequest { token: token.into() }).await.unwrap().into_inner();
        assert_eq!(answer.claims.is_some(), answer.state() == TokenState::Active, "only ACTIVE has claims");
        answer.state()
    }
}

fn service_key(text: &str) -> ServiceKey {
    ServiceKey::unnamed(gatepost::Token::parse(text).unwrap())
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

/// Returns the fields that a status names as bad.
#[track_caller]
pub(crate) fn bad_fields(status: &Status) -> Vec<String> {
    let info = status.get_details_error_info().expect("every status has ErrorInfo");
    assert_eq!((status.code(), info.reason.as_str()), (Code::InvalidArgument, "INVALID_FIELDS"), "{status:?}");
    let bad = status.get_details_bad_request().expect("bad fields are named");
    for violation in &bad.field_violations {
        let said = format!("{}: {}", violation.field, violation.description);
        assert!(status.message().contains(&said), "the text names all fields: {}", status.message());
    }
    bad.field_violations.into_iter().map(|violation| violation.field).collect()
}
