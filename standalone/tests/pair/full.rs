//! A full disk that gets room again: a small file system for the pair, filled from outside.

use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use blog_service::api::v1::{GetPostRequest, ListPostsRequest, PostPatch, UpdatePostRequest, get_post_request};
use gatepost::api::auth::v1::auth_service_client::AuthServiceClient;
use gatepost::api::auth::v1::token_service_client::TokenServiceClient;
use gatepost::api::auth::v1::user_service_client::UserServiceClient;
use gatepost::api::auth::v1::{CreateUserRequest, LoginRequest, TokenState, VerifyTokenRequest};
use testkit::http::get;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::story::{channel, hello, login, posts, register};
use super::support::{Outcome, PASSWORD, Pair, folder, tool};

const BOB: &str = "bob@example.com";

/// Mounts 2 MiB of memory on `$1`, visible to no other process, then runs its other arguments as a command.
const MOUNT: &str = r#"mount -t tmpfs -o size=2m,mode=0700 gatepost "$1" && shift && exec "$@""#;

/// Returns a command in a name space where it may mount: in a user name space, so that it needs no root.
fn unshared(folder: &Path, program: &str) -> Command {
    let mut command = Command::new("unshare");
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").stdin(Stdio::null()).stdout(Stdio::piped());
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", MOUNT, "sh"]).arg(folder).arg(program);
    command
}

/// The pair's folder as the pair itself sees it, below its mount.
struct Disk(PathBuf);

impl Disk {
    /// Writes until the disk is full.
    fn fill(&self) {
        let mut ballast = fs::File::create(self.0.join("ballast")).unwrap();
        while ballast.write_all(&[0; 4096]).is_ok() {}
    }

    /// Makes room again.
    fn empty(&self) {
        fs::remove_file(self.0.join("ballast")).unwrap();
    }
}

#[track_caller]
fn full(status: &Status, domain: &str) {
    let info = status.get_details_error_info().unwrap_or_else(|| panic!("{status:?}"));
    let seen = (status.code(), info.reason.as_str(), info.domain.as_str(), status.message());
    let message = "the service's disk is full: nothing was written, try again when its operator has made room";
    assert_eq!(seen, (Code::ResourceExhausted, "STORE_FULL", domain, message));
    assert_eq!(status.get_details_retry_info().unwrap().retry_delay, Some(Duration::from_secs(1)));
}

/// Writes until the first refusal and returns it: a few small writes still fit into the database's own space.
async fn first_refusal<T>(write: impl AsyncFn() -> Result<T, Status>) -> Status {
    for _ in 0..100 {
        if let Err(status) = write().await {
            return status;
        }
    }
    panic!("the disk is full, and no write was refused");
}

/// Registers another user; one transaction writes the user with the first session.
async fn sign_up(pair: &Pair) -> Result<(), Status> {
    let request = CreateUserRequest {
        name: "Bob".into(),
        email: BOB.into(),
        password: PASSWORD.into(),
        ..CreateUserRequest::default()
    };
    UserServiceClient::new(channel(&pair.auth)).create_user(request).await.map(drop)
}

/// Returns the number of posts.
async fn count(pair: &Pair, token: &str) -> Result<usize, Status> {
    Ok(posts(pair, token).list_posts(ListPostsRequest::default()).await?.into_inner().posts.len())
}

/// Changes a post until the disk is full; returns the number of acknowledged changes. Each change is one statement,
/// which returns the row.
async fn change_until_full(pair: &Pair, token: &str, id: &str) -> i32 {
    for acknowledged in 0..100 {
        let patch = PostPatch { title: Some(format!("{acknowledged}")), ..PostPatch::default() };
        let request = UpdatePostRequest { id: id.into(), patch: Some(patch), ..UpdatePostRequest::default() };
        if let Err(status) = posts(pair, token).update_post(request).await {
            full(&status, "blog.gatepost.dev");
            return acknowledged;
        }
    }
    panic!("the disk is full, and no write was refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn full_disk_refuses_only_writes_until_there_is_room() -> Outcome {
    if tool("GATEPOST_FULL_DISK", "run") == "skip" {
        println!("skipped: GATEPOST_FULL_DISK=skip, so no disk was filled");
        return Ok(());
    }
    let folder = folder();
    let tried = unshared(folder.path(), "true").output()?;
    assert!(
        tried.status.success(),
        "this machine lets no user mount a file system of their own ({}): allow user name spaces, or leave the full \
         disk out with GATEPOST_FULL_DISK=skip",
        String::from_utf8_lossy(&tried.stderr).trim()
    );
    let settings = [("AUTH_OPS_LISTEN", "127.0.0.1:0")];
    let pair = Pair::start_by(&mut unshared(folder.path(), env!("CARGO_BIN_EXE_gatepost")), folder.path(), &settings);
    let ops: SocketAddr = pair.auth_ops.as_deref().unwrap().parse()?;
    assert_eq!(get(ops, "/readyz").await.body, "ready\n");
    let disk = Disk(pair.root().join(folder.path().strip_prefix("/")?));
    let token = register(&pair).await?;
    let first = posts(&pair, &token).create_post(hello()).await?.into_inner().post.unwrap().id;

    disk.fill();
    let acknowledged = change_until_full(&pair, &token, &first).await;
    let post = async || posts(&pair, &token).create_post(hello()).await;
    full(&first_refusal(async || login(&pair).await).await, "auth.gatepost.dev");
    full(&first_refusal(&post).await, "blog.gatepost.dev");
    for _ in 0..2 {
        full(&sign_up(&pair).await.unwrap_err(), "auth.gatepost.dev");
    }
    let written = count(&pair, &token).await?;
    full(&login(&pair).await.unwrap_err(), "auth.gatepost.dev");
    full(&post().await.unwrap_err(), "blog.gatepost.dev");
    let request = VerifyTokenRequest { token: token.clone() };
    // The result of the last write is valid for a second.
    let ready = async || get(ops, "/readyz").await.status == 200;
    while ready().await {}
    assert_eq!(get(ops, "/readyz").await.body, "the database's disk is full: check the service's database\n");
    let answer = TokenServiceClient::new(channel(&pair.auth)).verify_token(request).await?.into_inner();
    assert_eq!(answer.state(), TokenState::Active, "calls that only read succeed");

    let request = GetPostRequest { post: Some(get_post_request::Post::Id(first)), view: 0 };
    let changed = posts(&pair, &token).get_post(request).await?.into_inner().post.unwrap();
    assert_eq!(changed.revision, 1 + acknowledged, "the acknowledged changes are stored, and no others");

    disk.empty();
    while !ready().await {}
    login(&pair).await?;
    sign_up(&pair).await?;
    assert_eq!(
        sign_up(&pair).await.unwrap_err().code(),
        Code::AlreadyExists,
        "the acknowledged registration is stored"
    );
    let request = LoginRequest { email: BOB.into(), password: PASSWORD.into(), ..LoginRequest::default() };
    assert!(
        AuthServiceClient::new(channel(&pair.auth)).login(request).await.is_ok(),
        "writes succeed on every connection"
    );
    post().await?;
    assert_eq!(count(&pair, &token).await?, written + 1, "the refused ones were not written");
    pair.stop();
    Ok(())
}
