//! A pair for one scenario, with a user, posts and good callers.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use blog_service::api::v1::post_service_client::PostServiceClient;
use blog_service::api::v1::{CreatePostRequest, GetPostRequest, get_post_request};
use gatepost::api::auth::v1::token_service_client::TokenServiceClient;
use gatepost::api::auth::v1::user_service_client::UserServiceClient;
use gatepost::api::auth::v1::{CreateUserRequest, VerifyTokenRequest};
use gatepost::{Token, WithToken};
use tempfile::TempDir;
use tokio::time::sleep;
use tonic::transport::Channel;
use tonic::{Code, Status};

use super::good::GoodCall;
use crate::Failure;
use crate::drill::{DRILL_PASSWORD, DRILL_SETTINGS};
use crate::services::{Services, channel};

/// Good callers of each service.
const CALLERS_PER_SERVICE: usize = 4;

/// Number of attempts of a write above the user's quota, and the pause between two.
const MAX_WRITE_TRIES: usize = 120;
const WRITE_RETRY_PAUSE: Duration = Duration::from_secs(1);

/// The pair, and its data.
pub(super) struct World {
    pub(super) services: Services,
    pub(super) token: Token,
    /// A small post.
    post: String,
    _folder: TempDir,
}

impl World {
    /// Starts the pair; `change` may change the command.
    pub(super) async fn start(
        program: &Path,
        change: impl FnOnce(&mut Command) -> &mut Command,
    ) -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let services = Services::pair(program, folder.path(), |command| change(command.envs(DRILL_SETTINGS))).await?;
        Self::over(services, folder).await
    }

    /// Returns a world on a running pair.
    pub(super) async fn over(services: Services, folder: TempDir) -> Result<Self, Failure> {
        let request = CreateUserRequest {
            name: "Ada".into(),
            email: "ada@example.com".into(),
            password: DRILL_PASSWORD.into(),
            ..CreateUserRequest::default()
        };
        let created = UserServiceClient::new(services.auth.clone()).create_user(request).await?.into_inner();
        let token = created.tokens.ok_or("no tokens")?.access_token;
        let token = Token::parse(&token)?;
        let mut world = Self { services, token, post: String::new(), _folder: folder };
        world.post = world.write("content").await?;
        Ok(world)
    }

    /// Writes this many posts of this many bytes, and returns their ids.
    pub(super) async fn fill(&self, count: usize, bytes: usize) -> Result<Vec<String>, Failure> {
        let (mut ids, content) = (Vec::new(), "a".repeat(bytes));
        for _ in 0..count {
            ids.push(self.write(&content).await?);
        }
        Ok(ids)
    }

    async fn write(&self, content: &str) -> Result<String, Failure> {
        let token = WithToken::new(&self.token);
        let mut client = PostServiceClient::with_interceptor(self.services.blog.clone(), token);
        let request =
            CreatePostRequest { title: "Post".into(), content: content.to_owned(), ..CreatePostRequest::default() };
        for _ in 0..MAX_WRITE_TRIES {
            match client.create_post(request.clone()).await {
                Ok(created) => return Ok(created.into_inner().post.ok_or("no post")?.id),
                Err(status) if status.code() == Code::ResourceExhausted => sleep(WRITE_RETRY_PAUSE).await,
                Err(status) => return Err(status.into()),
            }
        }
        Err("the posts are above the quota of a user".into())
    }

    /// Returns good callers of both services, each with a connection of its own.
    pub(super) async fn good(&self) -> Result<Vec<GoodCall>, Failure> {
        let mut calls = Vec::new();
        for _ in 0..CALLERS_PER_SERVICE {
            calls.push(self.reads_a_post(channel(self.services.blog_address()).await?));
            calls.push(self.verifies(channel(self.services.auth_address()).await?));
        }
        Ok(calls)
    }

    fn reads_a_post(&self, blog: Channel) -> GoodCall {
        let client = PostServiceClient::with_interceptor(blog, WithToken::new(&self.token));
        let request = GetPostRequest { post: Some(get_post_request::Post::Id(self.post.clone())), view: 0 };
        Arc::new(move || {
            let (mut client, request) = (client.clone(), request.clone());
            Box::pin(async move { client.get_post(request).await.map(drop) })
        })
    }

    fn verifies(&self, auth: Channel) -> GoodCall {
        let (client, token) = (TokenServiceClient::new(auth), self.token.clone());
        Arc::new(move || {
            let (client, token) = (client.clone(), token.clone());
            Box::pin(verify(client, token))
        })
    }

    /// Returns new clients of the auth service. Each call has its own connection.
    pub(super) fn newcomers(&self, count: usize) -> Vec<GoodCall> {
        let (address, token) = (self.services.auth_address().to_owned(), self.token.clone());
        let call: GoodCall = Arc::new(move || {
            let (address, token) = (address.clone(), token.clone());
            Box::pin(async move {
                let auth = channel(&address).await.map_err(|error| Status::unavailable(error.to_string()))?;
                verify(TokenServiceClient::new(auth), token).await
            })
        });
        vec![call; count]
    }
}

async fn verify(mut client: TokenServiceClient<Channel>, token: Token) -> Result<(), Status> {
    client.verify_token(VerifyTokenRequest { token: token.expose().to_owned() }).await.map(drop)
}
