//! A blog service on a free port, and a stub auth service that accepts a user's id as that user's token.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::SystemTime;

use blog_service::api::v1::post_service_client::PostServiceClient;
use blog_service::api::v1::{CreatePostRequest, GetPostRequest, Post, PublishPostRequest, get_post_request};
use blog_service::{BlogConfig, BlogFlags};
use chrono::{DateTime, Utc};
use gatepost::api::auth::v1::token_service_server::{TokenService, TokenServiceServer};
use gatepost::api::auth::v1::{
    ListSigningKeysRequest, ListSigningKeysResponse, SubjectKind, TokenClaims, TokenState, VerifyTokenRequest,
    VerifyTokenResponse, WatchRevocationsRequest, WatchRevocationsResponse,
};
use gatepost::{Token, WithToken};
use kit::Clock;
use kit::config::{Environment, parse};
use kit::shutdown::Shutdown;
use tempfile::TempDir;
use testkit::Outsider;
use tokio::net::TcpListener;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Code, Request, Response, Status, Streaming};
use tonic_types::StatusExt as _;

/// Ids of two users.
pub(crate) const ADA: &str = "01900000-0000-7000-8000-00000000000a";
pub(crate) const BOB: &str = "01900000-0000-7000-8000-00000000000b";

/// Token of a user with the role `editor`.
pub(crate) const EDITOR: &str = "editor";
/// Token of a user with the role `admin`.
pub(crate) const ADMIN: &str = "admin";

const EDITOR_ID: &str = "01900000-0000-7000-8000-00000000000e";

pub(crate) type Posts = PostServiceClient<InterceptedService<Channel, WithToken>>;

pub(crate) struct Service {
    pub(crate) clock: Clock,
    pub(crate) channel: Channel,
    pub(crate) address: SocketAddr,
    /// Address of the operations port.
    pub(crate) ops: SocketAddr,
    pub(crate) folder: TempDir,
    shutdown: tokio_util::sync::DropGuard,
}

pub(crate) async fn start() -> Service {
    start_in(testkit::folder(), testkit::clock()).await
}

pub(crate) async fn start_in(folder: TempDir, clock: Clock) -> Service {
    let shutdown = Shutdown::new();
    let auth = auth(shutdown.clone()).await;
    start_beside(auth, folder, clock, shutdown).await
}

/// Starts a service with these additional flags.
pub(crate) async fn start_with(flags: &[&str]) -> Service {
    let shutdown = Shutdown::new();
    let auth = auth(shutdown.clone()).await;
    launch(auth, testkit::folder(), testkit::clock(), shutdown, flags).await
}

/// Starts a service on a database of a PostgreSQL server.
pub(crate) async fn start_at(database: &str) -> Service {
    start_with(&["--insecure", "--database-url", database]).await
}

/// Starts a service with its auth service at this address.
pub(crate) async fn start_beside(auth: SocketAddr, folder: TempDir, clock: Clock, shutdown: Shutdown) -> Service {
    launch(auth, folder, clock, shutdown, &[]).await
}

async fn launch(auth: SocketAddr, folder: TempDir, clock: Clock, shutdown: Shutdown, flags: &[&str]) -> Service {
    let database = format!("sqlite:{}", folder.path().join("blog.db").display());
    let auth = format!("http://{auth}");
    let mut args = vec!["blog-service", "--listen", "127.0.0.1:0", "--auth-url", &auth];
    if !flags.contains(&"--database-url") {
        args.extend(["--database-url", &database]);
    }
    let flags: BlogFlags = parse(args.iter().chain(flags).map(Into::into), Environment::new(|_| None), &[]).unwrap();
    let mut config = BlogConfig::new(flags, Environment::new(|_| None), clock.clone()).unwrap();
    let listener = TcpListener::bind(config.flags.listen).await.unwrap();
    let address = listener.local_addr().unwrap();
    let ops_listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let ops = ops_listener.local_addr().unwrap();
    config.ops = Some(ops_listener);
    tokio::spawn(blog_service::run(config, listener, shutdown.clone()));
    let channel = Endpoint::from_shared(format!("http://{address}")).unwrap().connect_lazy();
    Service { clock, channel, address, ops, folder, shutdown: shutdown.drop_guard() }
}

impl Service {
    /// Returns a client that calls as this user.
    pub(crate) fn posts(&self, user: &str) -> Posts {
        PostServiceClient::with_interceptor(self.channel.clone(), WithToken::new(&Token::parse(user).unwrap()))
    }

    pub(crate) async fn create(&self, user: &str, title: &str, content: &str) -> Result<Post, Status> {
        let request =
            CreatePostRequest { title: title.into(), content: content.into(), ..CreatePostRequest::default() };
        Ok(self.posts(user).create_post(request).await?.into_inner().post.unwrap())
    }

    /// Creates a draft of this user.
    pub(crate) async fn draft(&self, user: &str, title: &str) -> Post {
        let request = CreatePostRequest {
            title: title.into(),
            content: "First post.".into(),
            draft: true,
            ..CreatePostRequest::default()
        };
        self.posts(user).create_post(request).await.unwrap().into_inner().post.unwrap()
    }

    /// Reads a post by its id.
    pub(crate) async fn read(&self, user: &str, id: &str) -> Result<Post, Status> {
        let request = GetPostRequest { post: Some(get_post_request::Post::Id(id.into())), view: 0 };
        Ok(self.posts(user).get_post(request).await?.into_inner().post.unwrap())
    }

    /// Publishes a post at this time; `None` means at once.
    pub(crate) async fn publish(&self, user: &str, id: &str, time: Option<DateTime<Utc>>) -> Result<Post, Status> {
        let publish_time = time.map(|time| SystemTime::from(time).into());
        let request = PublishPostRequest { id: id.into(), publish_time, etag: String::new() };
        Ok(self.posts(user).publish_post(request).await?.into_inner().post.unwrap())
    }

    /// Makes the content of a post unreadable: its bytes are no longer UTF-8, as after a fault of the disk.
    pub(crate) async fn spoil(&self, id: &str) {
        let id = id.replace('-', "");
        let mut outsider = Outsider::open(self.database()).await;
        outsider.run(&format!("update posts set content = cast(x'ff' as text) where id = x'{id}'")).await;
        outsider.close().await;
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.folder.path().join("blog.db")
    }

    /// Stops the service, and returns its folder and clock.
    pub(crate) fn stop(self) -> (TempDir, Clock) {
        drop(self.shutdown);
        (self.folder, self.clock)
    }
}

async fn auth(shutdown: Shutdown) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server::builder().add_service(TokenServiceServer::new(Auth));
    tokio::spawn(async move {
        server.serve_with_incoming_shutdown(TcpIncoming::from(listener), shutdown.cancelled_owned()).await.unwrap();
    });
    address
}

/// A stub of the auth service. Accepts a user's UUID as that user's token, `editor` and `admin` as those of users with
/// these roles, and `service` as a service's; refuses all other tokens.
struct Auth;

#[tonic::async_trait]
impl TokenService for Auth {
    async fn verify_token(
        &self,
        request: Request<VerifyTokenRequest>,
    ) -> Result<Response<VerifyTokenResponse>, Status> {
        let token = request.into_inner().token;
        let (subject, roles) = match token.as_str() {
            EDITOR | ADMIN => (EDITOR_ID.to_owned(), vec![token]),
            _ => (token, Vec::new()),
        };
        let kind = if subject == "service" { SubjectKind::Service } else { SubjectKind::User };
        if kind == SubjectKind::User && subject.len() != 36 {
            return Ok(Response::new(VerifyTokenResponse {
                state: TokenState::Invalid.into(),
                claims: None,
                ttl: None,
                position: None,
            }));
        }
        let claims = TokenClaims {
            subject,
            subject_kind: kind.into(),
            expire_time: Some(SystemTime::from(testkit::start()).into()),
            audiences: vec!["gatepost".into()],
            roles,
            ..TokenClaims::default()
        };
        Ok(Response::new(VerifyTokenResponse {
            state: TokenState::Active.into(),
            claims: Some(claims),
            ttl: None,
            position: None,
        }))
    }

    async fn list_signing_keys(
        &self,
        _: Request<ListSigningKeysRequest>,
    ) -> Result<Response<ListSigningKeysResponse>, Status> {
        Ok(Response::new(ListSigningKeysResponse::default()))
    }

    type WatchRevocationsStream = Streaming<WatchRevocationsResponse>;

    async fn watch_revocations(
        &self,
        _: Request<Streaming<WatchRevocationsRequest>>,
    ) -> Result<Response<Self::WatchRevocationsStream>, Status> {
        Err(Status::unimplemented("this server has no feed"))
    }
}

#[track_caller]
pub(crate) fn refused(status: &Status, code: Code, reason: &str, domain: &str, message: &str) {
    let info = status.get_details_error_info().expect("every status has ErrorInfo");
    let seen = (status.code(), info.reason.as_str(), info.domain.as_str(), status.message());
    assert_eq!(seen, (code, reason, domain, message));
}

/// Returns the fields that a status names as bad.
#[track_caller]
pub(crate) fn bad_fields(status: &Status) -> Vec<String> {
    let info = status.get_details_error_info().expect("every status has ErrorInfo");
    assert_eq!((status.code(), info.reason.as_str()), (Code::InvalidArgument, "INVALID_FIELDS"), "{status:?}");
    let bad = status.get_details_bad_request().expect("bad fields are named");
    bad.field_violations.into_iter().map(|violation| violation.field).collect()
}
