//! `bench compare`: compares two `gatepost` programs, which get the same calls in turns.

use std::path::Path;
use std::sync::Arc;

use bench::Failure;
use bench::load::{Account, CallFuture, ComparedFigures, LoadFigures, UNLIMITED_SETTINGS, compare, in_turn};
use bench::services::Services;
use blog_service::api::v1::post_service_client::PostServiceClient;
use blog_service::api::v1::{CreatePostRequest, GetPostRequest, PostPatch, UpdatePostRequest, get_post_request};
use gatepost::api::auth::v1::CreateUserRequest;
use gatepost::api::auth::v1::user_service_client::UserServiceClient;
use gatepost::{Token, WithToken};
use tempfile::TempDir;
use tokio::sync::Semaphore;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};

/// Bytes of a large post.
const LARGE_POST_BYTES: usize = 64 * 1024;

/// Number of users. The service checks at most four passwords of one user at once.
const USERS: usize = 32;

/// Number of connections to each program, and of concurrent calls on each connection. With more calls on a connection,
/// posts of 64 KiB would exceed the connection's window. In older programs they would then wait for each other until
/// their deadline.
const CONNECTIONS_PER_SIDE: usize = 16;
const CALLS_PER_CONNECTION: usize = 3;

/// A call of any kind.
type Call = Arc<dyn Fn() -> CallFuture<()> + Send + Sync>;

/// A client with the user's token.
type PostClient = PostServiceClient<InterceptedService<Channel, WithToken>>;

/// A kind of call.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ComparedCall {
    Read,
    Check,
    Write,
    Login,
    Refresh,
}

/// A pair with a user and a post.
struct Side {
    pair: Services,
    posts: Vec<PostClient>,
    id: String,
    accounts: Vec<Account>,
    _folder: TempDir,
}

/// Compares both programs by each kind of call.
#[expect(clippy::print_stdout, reason = "figures are this program's output")]
pub(crate) async fn run(one: &Path, other: &Path) -> Result<(), Failure> {
    bench::machine::print(&format!("cargo run --release -p bench -- compare {} {}", one.display(), other.display()));
    let sides = [Side::start(one).await?, Side::start(other).await?];
    println!(
        "\ncall, 32 callers on sixteen connections     calls/s   p50 ms   p99 ms   us of the services' processors"
    );
    for (name, kind) in [
        ("GetPost, guarded", ComparedCall::Read),
        ("UpdatePost of 64 KiB, checked only", ComparedCall::Check),
        ("UpdatePost of 64 KiB", ComparedCall::Write),
        ("Login, on one connection", ComparedCall::Login),
        ("RefreshToken, on one connection", ComparedCall::Refresh),
    ] {
        let before = [sides[0].pair.processor_time()?, sides[1].pair.processor_time()?];
        let ComparedFigures { one: first, other: second } =
            compare(taking_turns(sides[0].calls(kind)), taking_turns(sides[1].calls(kind))).await?;
        for (index, figures) in [first, second].iter().enumerate() {
            let LoadFigures { count, rate, p50, p99 } = figures;
            let micros = (sides[index].pair.processor_time()? - before[index]) * 1e6 / count;
            println!("{name:<42}{rate:>9.0}{p50:>9.2}{p99:>9.2}{micros:>9.1}");
        }
        println!("{:<42}{:>9.3}", "  the first / the second", first.rate / second.rate);
    }
    sides.into_iter().try_for_each(|side| side.pair.stop())
}

/// Returns these calls one after the other.
fn taking_turns(calls: Vec<Call>) -> impl Fn() -> CallFuture<()> + Clone + Send + 'static {
    in_turn(calls.into_iter().map(|call| move || call()).collect())
}

impl Side {
    async fn start(program: &Path) -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let pair = Services::pair(program, folder.path(), |command| command.envs(UNLIMITED_SETTINGS)).await?;
        let request = CreateUserRequest {
            name: "Ada".into(),
            email: "ada@example.com".into(),
            password: "correct horse battery staple".into(),
            ..CreateUserRequest::default()
        };
        let created = UserServiceClient::new(pair.auth.clone()).create_user(request).await?.into_inner();
        let token = Token::parse(&created.tokens.ok_or("no tokens")?.access_token)?;
        let mut posts = Vec::new();
        for _ in 0..CONNECTIONS_PER_SIDE {
            let blog =
                Endpoint::from_shared(format!("http://{}", pair.blog_address()))?.tcp_nodelay(true).connect().await?;
            posts.push(PostServiceClient::with_interceptor(blog, WithToken::new(&token)));
        }
        let request =
            CreatePostRequest { title: "Post".into(), content: "a post".into(), ..CreatePostRequest::default() };
        let id = posts[0].create_post(request).await?.into_inner().post.ok_or("no post")?.id;
        let accounts = Account::register(std::slice::from_ref(&pair.auth), USERS).await?;
        Ok(Self { pair, posts, id, accounts, _folder: folder })
    }

    /// Returns one call for each connection, or for each account.
    fn calls(&self, kind: ComparedCall) -> Vec<Call> {
        let accounts = self.accounts.iter().cloned();
        match kind {
            ComparedCall::Login => accounts.map(|account| Arc::new(account.logins()) as Call).collect(),
            ComparedCall::Refresh => accounts.map(|account| Arc::new(account.refreshes()) as Call).collect(),
            _ => self.posts.iter().map(|posts| Arc::new(call(posts.clone(), self.id.clone(), kind)) as Call).collect(),
        }
    }
}

fn call(
    posts: PostClient,
    id: String,
    kind: ComparedCall,
) -> impl Fn() -> CallFuture<()> + Clone + Send + Sync + 'static {
    let (content, places) = ("a".repeat(LARGE_POST_BYTES), Arc::new(Semaphore::new(CALLS_PER_CONNECTION)));
    move || {
        let (mut posts, id, places) = (posts.clone(), id.clone(), Arc::clone(&places));
        if kind == ComparedCall::Read {
            let request = GetPostRequest { post: Some(get_post_request::Post::Id(id)), view: 0 };
            return Box::pin(async move { posts.get_post(request).await.map(drop) });
        }
        let patch = Some(PostPatch { content: Some(content.clone()), ..PostPatch::default() });
        let validate_only = kind == ComparedCall::Check;
        let request = UpdatePostRequest { id, patch, validate_only, ..UpdatePostRequest::default() };
        Box::pin(async move {
            // The semaphore is never closed.
            let _place = places.acquire_owned().await;
            posts.update_post(request).await.map(drop)
        })
    }
}
