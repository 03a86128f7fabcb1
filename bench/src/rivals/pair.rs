//! Gatepost and the Go pair, which serve the same contracts and take the same flags.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use blog_service::api::v1::post_service_client::PostServiceClient;
use blog_service::api::v1::{GetPostRequest, get_post_request};
use gatepost::Token;
use tokio::task::block_in_place;
use tonic::transport::Channel;
use tonic::{Status, async_trait};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::RivalSettings;
use super::process::RivalProcess;
use super::work::{OpenSession, RivalCall, RivalServer, RunningRival, SessionOpener, Work};
use crate::Failure;
use crate::load::{
    Account, CallFuture, LoadCall, NEW_USER_PASSWORD, PostIds, UNLIMITED_SETTINGS, create_posts, newest_posts,
    post_caller, verify_token,
};
use crate::services::{addresses, channel, channels};

/// Connections to each service.
const CONNECTIONS: usize = 4;

/// A pair of an auth and a blog service in one process, and a second one whose posts everyone may read.
pub(super) struct Pair {
    program: PathBuf,
    verify: VerifyCalls,
}

/// Tells if the pair answers questions about tokens.
#[derive(Clone, Copy, PartialEq, Eq)]
enum VerifyCalls {
    Served,
    Absent,
}

/// Reads that need a token, and reads that need none.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum PairReads {
    Guarded,
    Public,
}

impl Pair {
    /// Returns Gatepost's pair.
    pub(super) fn gatepost(program: &Path) -> Self {
        Self { program: program.to_owned(), verify: VerifyCalls::Served }
    }

    /// Returns the pair in Go, which was built into this folder.
    pub(super) fn in_go(folder: &Path) -> Self {
        Self { program: folder.join("go-pair"), verify: VerifyCalls::Absent }
    }

    /// Starts a pair with its data in this folder. Returns the process, and the addresses of both services.
    pub(super) async fn launch(&self, folder: &Path, reads: PairReads) -> Result<(RivalProcess, [String; 2]), Failure> {
        let mut command = Command::new(&self.program);
        command.env_clear().env("RUST_LOG", "warn").envs(UNLIMITED_SETTINGS);
        // The rivals read their database at each call, so Gatepost does so too.
        command.env("BLOG_POST_CACHE_MIB", "0");
        command.env("BLOG_PUBLIC_READS", if reads == PairReads::Public { "true" } else { "false" });
        command.args(["--auth-listen", "127.0.0.1:0", "--blog-listen", "127.0.0.1:0", "--data-dir"]).arg(folder);
        let mut process = RivalProcess::spawn(command, &folder.with_extension("log"))?;
        let found = block_in_place(|| addresses(process.child(), ["auth-service", "blog-service"]))?;
        for address in &found {
            HealthClient::new(channel(address).await?).check(HealthCheckRequest::default()).await?;
        }
        Ok((process, found))
    }
}

#[async_trait]
impl RivalServer for Pair {
    async fn start(&self, folder: &Path) -> Result<RunningRival, Failure> {
        let began = Instant::now();
        let (process, guarded) = self.launch(&folder.join("guarded"), PairReads::Guarded).await?;
        let took = began.elapsed();
        let (backend, public) = self.launch(&folder.join("public"), PairReads::Public).await?;
        let addresses = [guarded, public].concat();
        Ok(RunningRival { processes: vec![process], backends: vec![backend], addresses, took })
    }

    async fn prepare(&self, running: &RunningRival, settings: &RivalSettings) -> Result<Work, Failure> {
        let [auth, posts, public_auth, public_posts] = running.addresses.as_slice() else {
            return Err("a pair has four addresses".into());
        };
        let users = register(auth, settings.users).await?;
        let token = first_token(&users).await?;
        let ids = fill(posts, &token, settings).await?;
        let author = first_token(&register(public_auth, 1).await?).await?;
        let public_ids = fill(public_posts, &author, settings).await?;
        let mut work = Work::default();
        work.calls.insert(RivalCall::Read, reads(posts, Some(&token), &ids).await?);
        work.calls.insert(RivalCall::PublicRead, reads(public_posts, None, &public_ids).await?);
        if self.verify == VerifyCalls::Served {
            let verifying = channels(auth, CONNECTIONS).await?;
            let calls = verifying.iter().map(|channel| always(verify_token(channel, token.expose())));
            work.calls.insert(RivalCall::Verify, calls.collect());
        }
        work.calls.insert(RivalCall::Login, users.iter().cloned().map(|one| always(one.logins())).collect());
        work.calls.insert(RivalCall::Refresh, users.iter().cloned().map(|one| always(one.refreshes())).collect());
        work.new_session = Some(sessions(auth, posts, &ids));
        Ok(work)
    }
}

/// Registers this many users, each with a session.
pub(super) async fn register(auth: &str, count: usize) -> Result<Vec<Account>, Failure> {
    Account::register(&channels(auth, CONNECTIONS).await?, count).await
}

/// Returns the access token of the first user.
pub(super) async fn first_token(users: &[Account]) -> Result<Token, Failure> {
    users.first().ok_or("no user")?.access_token().await
}

/// Creates the posts, and returns choices among them.
pub(super) async fn fill(blog: &str, author: &Token, settings: &RivalSettings) -> Result<Arc<PostIds>, Failure> {
    let posts = post_caller(&channel(blog).await?, author);
    create_posts(&posts, settings.posts).await?;
    Ok(Arc::new(PostIds::new(newest_posts(&posts, settings.posts).await?, settings.seed)?))
}

/// Returns reads of random posts, with a token or without one, on connections of their own.
pub(super) async fn reads(blog: &str, token: Option<&Token>, ids: &Arc<PostIds>) -> Result<Vec<LoadCall>, Failure> {
    let all = channels(blog, CONNECTIONS).await?;
    Ok(all.iter().map(|channel| read(channel, token, ids)).collect())
}

/// Returns reads of random posts on this connection.
fn read(blog: &Channel, token: Option<&Token>, ids: &Arc<PostIds>) -> LoadCall {
    let ids = Arc::clone(ids);
    let request = move || GetPostRequest { post: Some(get_post_request::Post::Id(ids.one())), view: 0 };
    if let Some(token) = token {
        let posts = post_caller(blog, token);
        return always(move || {
            let (mut posts, request) = (posts.clone(), request());
            Box::pin(async move { posts.get_post(request).await.map(drop) })
        });
    }
    let posts = PostServiceClient::new(blog.clone());
    always(move || {
        let (mut posts, request) = (posts.clone(), request());
        Box::pin(async move { posts.get_post(request).await.map(drop) })
    })
}

/// Returns a call that never runs out.
fn always(call: impl Fn() -> CallFuture<()> + Send + Sync + 'static) -> LoadCall {
    Arc::new(move || Some(call()))
}

/// Opens sessions of the first user at the auth service. Their tokens are sent to this guarded blog.
pub(super) fn sessions(auth: &str, blog: &str, ids: &Arc<PostIds>) -> SessionOpener {
    let (auth, blog, ids) = (auth.to_owned(), blog.to_owned(), Arc::clone(ids));
    Arc::new(move || {
        let (auth, blog, ids) = (auth.clone(), blog.clone(), Arc::clone(&ids));
        Box::pin(async move {
            open_session(&auth, &blog, &ids).await.map_err(|failure| Status::unknown(failure.to_string()))
        })
    })
}

async fn open_session(auth: &str, blog: &str, ids: &Arc<PostIds>) -> Result<OpenSession, Failure> {
    let users = Account::log_in(&channels(auth, 1).await?, "user0@example.com", NEW_USER_PASSWORD, 1).await?;
    let token = first_token(&users).await?;
    let ask = read(&channel(blog).await?, Some(&token), ids);
    let user = users.into_iter().next().ok_or("no session")?;
    let end = async move { user.log_out().await.map_err(|failure| Status::unknown(failure.to_string())) };
    Ok(OpenSession { end: Box::pin(end), ask })
}
