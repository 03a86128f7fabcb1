//! A client with its own user, connections and network address.

use std::net::Ipv4Addr;
use std::time::Duration;

use blog_service::api::v1::post_service_client::PostServiceClient;
use blog_service::api::v1::{CreatePostRequest, GetPostRequest, ListPostsRequest, get_post_request};
use gatepost::api::auth::v1::auth_service_client::AuthServiceClient;
use gatepost::api::auth::v1::user_service_client::UserServiceClient;
use gatepost::api::auth::v1::{GetMeRequest, LoginRequest, UpdateUserRequest, UserPatch};
use gatepost::{Token, WithToken};
use tokio::time::{Instant, sleep};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};
use tonic_types::StatusExt as _;

use super::plan::{RetryBehavior, StalledOperation};
use crate::Failure;
use crate::drill::revocation::{register, write};
use crate::drill::{Answer, DRILL_PASSWORD};
use crate::process::Process;

/// Time after which a client gives a call up, and the largest number of attempts.
const PATIENCE: Duration = Duration::from_secs(10);
const MAX_ATTEMPTS: u32 = 10;

/// A client.
#[derive(Clone)]
pub(super) struct StallClient {
    auth: Channel,
    blog: Channel,
    email: String,
    token: Token,
    post: String,
}

/// The outcome of a call with its repetitions.
#[derive(Clone, Debug)]
pub(super) struct CallOutcome {
    pub(super) attempts: u32,
    /// The last failure; `None` after a success.
    pub(super) failure: Option<Answer>,
}

impl StallClient {
    /// Registers a user, who writes a post.
    pub(super) async fn register(number: usize, auth: &Process, blog: &Process) -> Result<Self, Failure> {
        // Each client has a network of its own: callers of one network share their places in the hashing queue.
        let local = Ipv4Addr::new(127, 1, u8::try_from(number)?, 1);
        let connect = async |process: &Process| {
            let endpoint = Endpoint::from_shared(format!("http://{}", process.address()))?;
            endpoint.tcp_nodelay(true).local_address(Some(local.into())).connect().await
        };
        let (auth, blog) = (connect(auth).await?, connect(blog).await?);
        let email = format!("user-{number}@example.com");
        let token = register(&auth, &email).await?.token;
        let post = write(blog.clone(), &token).await?;
        Ok(Self { auth, blog, email, token, post })
    }

    /// Makes a call, and repeats it after failures.
    pub(super) async fn call(&self, operation: StalledOperation, retry: RetryBehavior) -> CallOutcome {
        let give_up = Instant::now() + PATIENCE;
        let mut attempts = 0;
        loop {
            attempts += 1;
            let left = give_up.saturating_duration_since(Instant::now());
            let Err(status) = self.attempt(operation, operation.deadline().min(left)).await else {
                return CallOutcome { attempts, failure: None };
            };
            let pause = match retry {
                RetryBehavior::Obeys => status.get_details_retry_info().and_then(|info| info.retry_delay),
                RetryBehavior::AtOnce => Some(Duration::ZERO),
            };
            let next = pause.map(|pause| Instant::now() + pause).filter(|next| *next < give_up);
            let Some(next) = next.filter(|_| attempts < MAX_ATTEMPTS) else {
                return CallOutcome { attempts, failure: Some(Answer::of(&status)) };
            };
            sleep(next.saturating_duration_since(Instant::now())).await;
        }
    }

    /// Makes a call once.
    pub(super) async fn attempt(&self, operation: StalledOperation, deadline: Duration) -> Result<(), Status> {
        let (auth, blog, token) = (self.auth.clone(), self.blog.clone(), WithToken::new(&self.token));
        match operation {
            StalledOperation::Login => {
                let (email, password) = (self.email.clone(), DRILL_PASSWORD.to_owned());
                let request = LoginRequest { email, password, ..LoginRequest::default() };
                AuthServiceClient::new(auth).login(timed(request, deadline)).await.map(drop)
            }
            StalledOperation::GetMe => {
                let mut users = UserServiceClient::with_interceptor(auth, token);
                users.get_me(timed(GetMeRequest {}, deadline)).await.map(drop)
            }
            StalledOperation::UpdateMe => {
                let patch = UserPatch { name: Some("Ada".into()), ..UserPatch::default() };
                let request = UpdateUserRequest { id: "me".into(), patch: Some(patch), ..UpdateUserRequest::default() };
                let mut users = UserServiceClient::with_interceptor(auth, token);
                users.update_user(timed(request, deadline)).await.map(drop)
            }
            StalledOperation::ReadPost => {
                let post = Some(get_post_request::Post::Id(self.post.clone()));
                let mut posts = PostServiceClient::with_interceptor(blog, token);
                posts.get_post(timed(GetPostRequest { post, view: 0 }, deadline)).await.map(drop)
            }
            StalledOperation::WritePost => {
                let (title, content) = ("Post".into(), "content".into());
                let request = CreatePostRequest { title, content, ..CreatePostRequest::default() };
                let mut posts = PostServiceClient::with_interceptor(blog, token);
                posts.create_post(timed(request, deadline)).await.map(drop)
            }
            StalledOperation::ListPosts => {
                let request = ListPostsRequest { page_size: 10, ..ListPostsRequest::default() };
                let mut posts = PostServiceClient::with_interceptor(blog, token);
                posts.list_posts(timed(request, deadline)).await.map(drop)
            }
        }
    }
}

fn timed<T>(message: T, deadline: Duration) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(deadline);
    request
}
