//! The start of a soak: connections, users, the admin's token and an API key.

use std::sync::{Arc, Mutex};

use blog_service::api::v1::CreatePostRequest;
use blog_service::api::v1::post_service_client::PostServiceClient;
use gatepost::api::auth::v1::api_key_service_client::ApiKeyServiceClient;
use gatepost::api::auth::v1::user_service_client::UserServiceClient;
use gatepost::api::auth::v1::{CreateApiKeyRequest, CreateUserRequest};
use gatepost::{Token, WithToken};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::SoakPlan;
use super::callers::{SoakChannels, SoakLoad};
use super::report::Promises;
use super::rig::SoakRig;
use super::sessions::{LASTING_SESSIONS, LastingSession, SoakSessions};
use super::tally::Tally;
use super::watch::{RevocationWatch, TokenPlaces};
use crate::Failure;
use crate::drill::revocation::{HistoryFile, admin};
use crate::drill::{DRILL_PASSWORD, Random};
use crate::process::Process;

/// Connections to the blog service, and to each auth service.
const BLOG_CONNECTIONS: usize = 8;
const AUTH_CONNECTIONS: usize = 4;

/// Registers the users, and returns the load, which starts now.
pub(super) async fn prepare(rig: &SoakRig, plan: &SoakPlan, file: Option<HistoryFile>) -> Result<SoakLoad, Failure> {
    let mut channels = SoakChannels { auth: Vec::new(), blog: connections(&rig.blog, BLOG_CONNECTIONS).await? };
    for auth in &rig.auth {
        channels.auth.push(connections(auth, AUTH_CONNECTIONS).await?);
    }
    let first = channels.auth.first().and_then(|channels| channels.first()).ok_or("no auth service")?.clone();
    let mut lasting = Vec::new();
    for number in 0..LASTING_SESSIONS {
        let email = format!("lasting-{number}@example.com");
        let (name, password) = ("Ada".to_owned(), DRILL_PASSWORD.to_owned());
        let request = CreateUserRequest { name, email: email.clone(), password, ..CreateUserRequest::default() };
        let created = UserServiceClient::new(first.clone()).create_user(request).await?.into_inner();
        lasting.push(LastingSession::new(email, created.tokens.ok_or("no tokens")?)?);
    }
    let admin = admin(&first).await?;
    let request = CreateApiKeyRequest { name: "Reader".into(), ..CreateApiKeyRequest::default() };
    let mut keys = ApiKeyServiceClient::with_interceptor(first, WithToken::new(&admin));
    let api_key = Token::parse(&keys.create_api_key(request).await?.into_inner().secret)?;
    let sessions = SoakSessions::new(lasting);
    let title = "The post that revoked tokens ask for".to_owned();
    let request = CreatePostRequest { title, content: "content".into(), ..CreatePostRequest::default() };
    let mut posts =
        PostServiceClient::with_interceptor(rig.blog.channel().await?, WithToken::new(&sessions.author()?.token()));
    let post = posts.create_post(request).await?.into_inner().post.ok_or("no post")?.id;
    let places = TokenPlaces {
        blog: rig.blog.channel().await?,
        post,
        auth: channels.auth.iter().filter_map(|channels| channels.first().cloned()).collect(),
        guards: Arc::clone(&rig.guards),
    };
    let (origin, promises) = (Instant::now(), Arc::<Promises>::default());
    Ok(SoakLoad {
        origin,
        channels,
        sessions,
        admin,
        api_key,
        book: Mutex::default(),
        tally: Mutex::new(Tally::default()),
        windows: super::windows::FaultWindows::default(),
        watch: Arc::new(RevocationWatch::new(origin, places, file, Arc::clone(&promises))),
        watching: Mutex::new(JoinSet::new()),
        promises,
        random: Mutex::new(Random::new(plan.seed)),
    })
}

async fn connections(process: &Process, count: usize) -> Result<Vec<tonic::transport::Channel>, Failure> {
    let mut channels = Vec::new();
    for _ in 0..count {
        channels.push(process.channel().await?);
    }
    Ok(channels)
}
