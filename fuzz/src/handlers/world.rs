//! Both services in this process, on SQLite in memory, with their callers.

use std::mem::ManuallyDrop;
use std::net::SocketAddr;
use std::time::Duration;

use auth_service::{AuthConfig, AuthFlags};
use blog_service::api::v1::{CreatePostRequest, CreatePostResponse};
use blog_service::{BlogConfig, BlogFlags};
use gatepost::api::auth::v1::{
    CreateUserRequest, CreateUserResponse, ListSessionsRequest, ListSessionsResponse, LoginRequest, LoginResponse,
    SetUserRolesRequest, SetUserRolesResponse,
};
use kit::Clock;
use kit::config::{Environment, parse};
use kit::shutdown::Shutdown;
use prost::Message;
use tempfile::TempDir;
use testkit::{Raw, framed, methods};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tonic::Status;
use tonic::codegen::Bytes;
use tonic_types::StatusExt as _;
use uuid::Uuid;

/// The first admin. It sends no call of the fuzzer, which could change its password.
const ROOT: &str = "root@example.com";
const PASSWORD: &str = "correct horse battery staple";
const SERVICE_KEY: &str = "thicket-marimba-oblong-quince-42";

/// Ids in a message that stand for those of the user, of its session, and of its post.
const PLACEHOLDERS: [&str; 3] = [
    "01900000-0000-7000-8000-0000000000a1",
    "01900000-0000-7000-8000-0000000000a2",
    "01900000-0000-7000-8000-0000000000a3",
];

/// Calls until the next connection: the services end old ones.
const CALLS_PER_CONNECTION: usize = 500;

/// Time for an answer. The longest deadline of the services is 5 s, and a sanitizer makes them slow.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(1);

/// Largest number of attempts to make a caller.
const ATTEMPTS: usize = 1000;

/// A method without an end: its stream of answers goes on.
const ENDLESS: &str = "WatchAuditEvents";

/// One request.
pub(super) struct Call {
    pub(super) path: String,
    token: Option<String>,
    body: Bytes,
}

/// A user with data of its own.
#[derive(Default)]
struct Account {
    token: String,
    /// Texts for the placeholders.
    ids: [String; 3],
}

pub(super) struct World {
    /// Never dropped: the services stop with the process.
    runtime: ManuallyDrop<Runtime>,
    auth: SocketAddr,
    blog: SocketAddr,
    connections: [Raw; 2],
    calls: usize,
    paths: Vec<String>,
    admin: String,
    user: Account,
    accounts: usize,
    _folder: TempDir,
}

impl World {
    pub(super) fn start() -> Self {
        let runtime = Runtime::new().unwrap();
        let folder = testkit::folder_in_memory();
        let (auth, blog) = runtime.block_on(serve(&folder));
        let connections = runtime.block_on(async { [Raw::connect(auth).await, Raw::connect(blog).await] });
        let all = [
            methods(gatepost::api::DESCRIPTOR_SET, "gatepost.auth.v1"),
            methods(blog_service::api::DESCRIPTOR_SET, "gatepost.blog.v1"),
        ];
        let mut paths: Vec<_> = all.into_iter().flatten().map(|method| method.path).collect();
        paths.retain(|path| !path.ends_with(ENDLESS));
        paths.sort();
        let mut world = Self {
            runtime: ManuallyDrop::new(runtime),
            auth,
            blog,
            connections,
            calls: 0,
            paths,
            admin: String::new(),
            user: Account::default(),
            accounts: 0,
            _folder: folder,
        };
        world.renew();
        world
    }

    /// Returns the path with this end, `Service/Method`. Other bytes choose any path.
    fn path(&self, name: &[u8]) -> &str {
        let named = self.paths.iter().find(|path| path.as_bytes().ends_with(name) && name.contains(&b'/'));
        let any = || &self.paths[name.iter().map(|byte| usize::from(*byte)).sum::<usize>() % self.paths.len()];
        named.unwrap_or_else(any)
    }

    /// Returns the call that these bytes describe.
    pub(super) fn call(&self, name: &[u8], caller: u8, message: &[u8]) -> Call {
        let token = match caller % 4 {
            0 => None,
            1 => Some(self.admin.clone()),
            2 => Some(SERVICE_KEY.to_owned()),
            _ => Some(self.user.token.clone()),
        };
        let mut message = message.to_vec();
        for (placeholder, id) in PLACEHOLDERS.iter().zip(&self.user.ids) {
            replace(&mut message, placeholder.as_bytes(), id.as_bytes());
        }
        let body = if caller >= 128 { message.into() } else { framed(&message) };
        Call { path: self.path(name).to_owned(), token, body }
    }

    /// Sends a request, and waits for its answer.
    pub(super) fn send(&mut self, call: Call) -> Result<(), Status> {
        self.calls += 1;
        if self.calls.is_multiple_of(CALLS_PER_CONNECTION) {
            let (auth, blog) = (self.auth, self.blog);
            self.connections = self.runtime.block_on(async { [Raw::connect(auth).await, Raw::connect(blog).await] });
        }
        let connection = &self.connections[usize::from(call.path.starts_with("/gatepost.blog."))];
        let headers: Vec<_> = call.token.iter().map(|token| ("api-token", token.as_str())).collect();
        let sent =
            async { tokio::time::timeout(ANSWER_TIMEOUT, connection.call(&call.path, &headers, call.body)).await };
        let reply = self.runtime.block_on(sent).unwrap_or_else(|_| panic!("{} has no answer", call.path));
        let status = reply.status();
        if status.code() == tonic::Code::Ok { Ok(()) } else { Err(status) }
    }

    /// Makes new callers if a call has ended the session or the account of one.
    pub(super) fn renew_callers(&mut self, status: &Status) {
        let reason = status.get_details_error_info().map(|info| info.reason).unwrap_or_default();
        if ["TOKEN_REVOKED", "TOKEN_EXPIRED", "USER_DELETED", "USER_DISABLED"].contains(&&*reason) {
            self.renew();
        }
    }

    fn renew(&mut self) {
        self.accounts += 1;
        let [auth, blog] = &self.connections;
        let [user, admin] = ["user", "admin"].map(|name| format!("{name}-{}@example.com", self.accounts));
        self.runtime.block_on(async {
            self.user = account(auth, blog, user).await;
            self.admin = admin_token(auth, admin).await;
        });
    }
}

/// Starts both services.
async fn serve(folder: &TempDir) -> (SocketAddr, SocketAddr) {
    let listen = async || TcpListener::bind("127.0.0.1:0").await.unwrap();
    let database = |name: &str| format!("sqlite:{}", folder.path().join(name).display());
    let secrets = |name: &str| match name {
        "AUTH_ADMIN_PASSWORD" => Some(PASSWORD.into()),
        "AUTH_SERVICE_KEY" | "BLOG_SERVICE_KEY" => Some(SERVICE_KEY.into()),
        _ => None,
    };
    let flags = ["--admin-email", ROOT, "--sign-ups", "0", "--address-failures", "0", "--free-failures", "0"];
    let url = database("auth.db");
    let all = ["auth-service", "--database-url", &url].into_iter().chain(flags);
    let flags: AuthFlags = parse(all.map(Into::into), Environment::new(|_| None), &[]).unwrap();
    let config = AuthConfig::new(flags, Environment::new(secrets), Clock::system()).unwrap();
    let listener = listen().await;
    let auth = listener.local_addr().unwrap();
    tokio::spawn(auth_service::run(config, listener, Shutdown::new()));

    let (database, url) = (database("blog.db"), format!("http://{auth}"));
    let all = ["blog-service", "--database-url", &database, "--auth-url", &url];
    let flags: BlogFlags = parse(all.map(Into::into), Environment::new(|_| None), &[]).unwrap();
    let config = BlogConfig::new(flags, Environment::new(secrets), Clock::system()).unwrap();
    let listener = listen().await;
    let blog = listener.local_addr().unwrap();
    tokio::spawn(blog_service::run(config, listener, Shutdown::new()));
    (auth, blog)
}

/// Calls a method, and again while the answer asks for it: a busy machine may be late.
async fn ask<A: Message + Default>(raw: &Raw, path: &str, token: &str, request: &impl Message) -> A {
    let headers = [("api-token", token)];
    let headers = if token.is_empty() { &[][..] } else { &headers };
    for _ in 0..ATTEMPTS {
        match raw.ask(path, headers, request).await {
            Ok(answer) => return answer,
            Err(status) => assert!(status.get_details_retry_info().is_some(), "{path}: {status:?}"),
        }
    }
    panic!("{path} has not succeeded in {ATTEMPTS} attempts");
}

async fn login(auth: &Raw, email: &str) -> String {
    let request = LoginRequest { email: email.into(), password: PASSWORD.into(), ..LoginRequest::default() };
    let answer: LoginResponse = ask(auth, "/gatepost.auth.v1.AuthService/Login", "", &request).await;
    answer.tokens.unwrap().access_token
}

async fn register(auth: &Raw, email: &str) -> CreateUserResponse {
    let request = CreateUserRequest {
        name: "Ada".into(),
        email: email.into(),
        password: PASSWORD.into(),
        // A late answer is repeated.
        request_id: Uuid::now_v7().to_string(),
        ..CreateUserRequest::default()
    };
    ask(auth, "/gatepost.auth.v1.UserService/CreateUser", "", &request).await
}

/// Registers an admin, and returns its token.
async fn admin_token(auth: &Raw, email: String) -> String {
    let id = register(auth, &email).await.user.unwrap().id;
    let request = SetUserRolesRequest { id, roles: vec!["admin".into()], ..SetUserRolesRequest::default() };
    let root = login(auth, ROOT).await;
    let _: SetUserRolesResponse = ask(auth, "/gatepost.auth.v1.UserService/SetUserRoles", &root, &request).await;
    login(auth, &email).await
}

/// Registers a user with a post.
async fn account(auth: &Raw, blog: &Raw, email: String) -> Account {
    let answer = register(auth, &email).await;
    let (user, token) = (answer.user.unwrap().id, answer.tokens.unwrap().access_token);
    let path = "/gatepost.auth.v1.SessionService/ListSessions";
    let listed: ListSessionsResponse = ask(auth, path, &token, &ListSessionsRequest::default()).await;
    let request = CreatePostRequest { title: "Hello".into(), content: "First.".into(), ..CreatePostRequest::default() };
    let created: CreatePostResponse = ask(blog, "/gatepost.blog.v1.PostService/CreatePost", &token, &request).await;
    let ids = [user, listed.sessions[0].id.clone(), created.post.unwrap().id];
    Account { token, ids }
}

/// Replaces each occurrence of a text by another one.
fn replace(message: &mut [u8], from: &[u8], to: &[u8]) {
    if from.len() != to.len() {
        return;
    }
    for at in 0..message.len().saturating_sub(from.len() - 1) {
        if &message[at..at + from.len()] == from {
            message[at..at + from.len()].copy_from_slice(to);
        }
    }
}
