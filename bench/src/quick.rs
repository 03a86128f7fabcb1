//! `bench quick`: memory of the idle pair, time of a start, and cost of a guarded call compared with a health check.

use std::path::Path;
use std::time::Duration;

use blog_service::api::v1::post_service_client::PostServiceClient;
use blog_service::api::v1::{CreatePostRequest, GetPostRequest, get_post_request};
use gatepost::api::auth::v1::auth_service_client::AuthServiceClient;
use gatepost::api::auth::v1::user_service_client::UserServiceClient;
use gatepost::api::auth::v1::{CreateUserRequest, LoginRequest};
use gatepost::{Token, WithToken};

use bench::Failure;
use bench::load::{CallFuture, compare, health, verify_token};
use bench::services::{self, Services};

const TIMED_STARTS: usize = 20;
const TIMED_LOGINS: usize = 100;
const REST_TIME: Duration = Duration::from_secs(30);

const USER_EMAIL: &str = "ada@example.com";
const USER_PASSWORD: &str = "correct horse battery staple";

#[expect(clippy::print_stdout, reason = "figures are this program's output")]
pub(crate) async fn run() -> Result<(), Failure> {
    bench::machine::print("cargo run --release -p bench -- quick");
    let binary = services::build()?;
    let folder = tempfile::tempdir()?;
    let pair = start(&binary, folder.path()).await?;
    println!("\nfigure                                     measured      target");
    row("memory of the pair at start", &format!("{:.1} MB", pair.memory()?), "<= 25 MB");
    let token = register(&pair).await?;
    for _ in 0..TIMED_LOGINS {
        let request =
            LoginRequest { email: USER_EMAIL.into(), password: USER_PASSWORD.into(), ..LoginRequest::default() };
        AuthServiceClient::new(pair.auth.clone()).login(request).await?;
    }
    tokio::time::sleep(REST_TIME).await;
    row("  half a minute after 100 logins", &format!("{:.1} MB", pair.memory()?), "<= 40 MB");

    let verify = compare(health(&pair.auth), verify_token(&pair.auth, token.expose())).await?;
    let id = create_post(&pair, &token).await?;
    let guarded = compare(health(&pair.blog), get_post(&pair, &token, id)).await?;
    pair.stop()?;

    let mut starts = Vec::new();
    for _ in 0..TIMED_STARTS {
        let pair = start(&binary, folder.path()).await?;
        starts.push(pair.start);
        pair.stop()?;
    }
    starts.sort();
    let millis = |index: usize| starts[index].as_secs_f64() * 1000.0;
    let shown = format!("{:.0} ms, at most {:.0} ms", millis(TIMED_STARTS / 2), millis(TIMED_STARTS - 1));
    row("start to serving, existing folder (median)", &shown, "<= 300 ms");

    println!("\ncall, 32 callers on one connection         calls/s   p50 ms   p99 ms");
    for (name, figures) in [
        ("auth: health Check", verify.one),
        ("auth: VerifyToken", verify.other),
        ("blog: health Check", guarded.one),
        ("blog: GetPost, guarded", guarded.other),
    ] {
        println!("{name:<42}{:>8.0}{:>9.2}{:>9.2}", figures.rate, figures.p50, figures.p99);
    }
    println!("VerifyToken / Check: {:.2}", verify.other.rate / verify.one.rate);
    println!("GetPost / Check:     {:.2}", guarded.other.rate / guarded.one.rate);
    Ok(())
}

async fn start(binary: &Path, folder: &Path) -> Result<Services, Failure> {
    Services::pair(binary, folder, |command| command.env("AUTH_USER_SESSIONS", "0")).await
}

#[expect(clippy::print_stdout, reason = "figures are this program's output")]
fn row(name: &str, measured: &str, target: &str) {
    println!("{name:<42} {measured:<13} {target}");
}

async fn register(pair: &Services) -> Result<Token, Failure> {
    let request = CreateUserRequest {
        name: "Ada".into(),
        email: USER_EMAIL.into(),
        password: USER_PASSWORD.into(),
        ..CreateUserRequest::default()
    };
    let created = UserServiceClient::new(pair.auth.clone()).create_user(request).await?.into_inner();
    let token = created.tokens.ok_or("no tokens")?.access_token;
    Ok(Token::parse(&token)?)
}

async fn create_post(pair: &Services, token: &Token) -> Result<String, Failure> {
    let mut posts = PostServiceClient::with_interceptor(pair.blog.clone(), WithToken::new(token));
    let request =
        CreatePostRequest { title: "Hello".into(), content: "First post.".into(), ..CreatePostRequest::default() };
    Ok(posts.create_post(request).await?.into_inner().post.ok_or("no post")?.id)
}

fn get_post(pair: &Services, token: &Token, id: String) -> impl Fn() -> CallFuture<()> + Clone + Send + 'static {
    let client = PostServiceClient::with_interceptor(pair.blog.clone(), WithToken::new(token));
    move || {
        let mut client = client.clone();
        let request = GetPostRequest { post: Some(get_post_request::Post::Id(id.clone())), view: 0 };
        Box::pin(async move { client.get_post(request).await.map(drop) })
    }
}
