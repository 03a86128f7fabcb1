//! One call of each kind, and the check of its answer.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use blog_service::api::v1::post_service_client::PostServiceClient;
use blog_service::api::v1::{
    CreatePostRequest, DeletePostRequest, GetPostRequest, GetPostResponse, ListPostsRequest, PostPatch,
    UpdatePostRequest, get_post_request,
};
use gatepost::api::auth::v1::api_key_service_client::ApiKeyServiceClient;
use gatepost::api::auth::v1::auth_service_client::AuthServiceClient;
use gatepost::api::auth::v1::token_service_client::TokenServiceClient;
use gatepost::api::auth::v1::user_service_client::UserServiceClient;
use gatepost::api::auth::v1::{
    CreateApiKeyRequest, CreateUserRequest, GetMeRequest, ListSigningKeysRequest, LoginRequest, RefreshTokenRequest,
    RevokeApiKeyRequest, TokenState, VerifyTokenRequest,
};
use gatepost::{Token, WithToken};
use tokio::time::timeout;
use tonic::{Code, Response, Status};

use super::call::SoakCall;
use super::callers::{SoakLoad, Target};
use super::posts::KnownPost;
use super::sessions::{LastingSession, NewSession, SessionOrigin};
use super::watch::WatchedToken;
use crate::drill::revocation::{RevocableSession, RevocationKind};
use crate::drill::{Answer, DRILL_PASSWORD};

/// Time limit of a revocation's answer.
const REVOCATION_TIMEOUT: Duration = Duration::from_secs(5);

/// One of this many revocations revokes an API key in place of a session.
const REVOCATIONS_PER_API_KEY: u64 = 6;

/// Kinds of revocations that leave the user as they are.
const SESSION_KINDS: [RevocationKind; 2] = [RevocationKind::Logout, RevocationKind::RevokeSession];

/// Number of posts of a listed page.
const PAGE_SIZE: i32 = 20;

impl SoakLoad {
    /// Makes a call of this kind.
    pub(super) async fn make(&self, call: SoakCall) {
        // Failures are counted, and each broken promise is noted.
        let _: Option<()> = match call {
            SoakCall::Login => self.log_in().await,
            SoakCall::Refresh => self.refresh().await,
            SoakCall::SignUp => self.sign_up().await,
            SoakCall::Revoke | SoakCall::CreateKey => self.revoke().await,
            SoakCall::GetMe => self.get_me().await,
            SoakCall::Verify => self.verify().await,
            SoakCall::ListKeys => self.list_keys().await,
            SoakCall::GetPost | SoakCall::GetPostByKey | SoakCall::GetPublic => self.read(call).await,
            SoakCall::ListPosts => self.list_posts().await,
            SoakCall::CreatePost if self.book().is_full() => self.delete_post().await,
            SoakCall::CreatePost => self.create_post().await,
            SoakCall::UpdatePost => self.update_post().await,
            SoakCall::DeletePost => self.delete_post().await,
        };
    }

    /// Returns the access token of a lasting session.
    fn token(&self) -> Option<Token> {
        self.sessions.lasting(&mut self.random()).map(LastingSession::token)
    }

    /// Returns the access token of the author of all posts: a request id belongs to one user.
    pub(super) fn author(&self) -> Option<Token> {
        self.sessions.author().ok().map(LastingSession::token)
    }

    async fn log_in(&self) -> Option<()> {
        let email = self.sessions.lasting(&mut self.random())?.email.clone();
        let request = LoginRequest { email, password: DRILL_PASSWORD.into(), ..LoginRequest::default() };
        let (target, auth) = self.auth();
        let login = |request| async move { AuthServiceClient::new(auth).login(request).await };
        let answer = self.timed(SoakCall::Login, target, request, login).await.ok()?;
        let token = self.access_token(answer.tokens.as_ref())?;
        self.sessions.add(NewSession { token, origin: SessionOrigin::Login });
        Some(())
    }

    async fn sign_up(&self) -> Option<()> {
        let email = format!("user-{}@example.com", self.random().uuid());
        let (name, password) = ("Ada".to_owned(), DRILL_PASSWORD.to_owned());
        let request = CreateUserRequest { name, email, password, ..CreateUserRequest::default() };
        let (target, auth) = self.auth();
        let create = |request| async move { UserServiceClient::new(auth).create_user(request).await };
        let answer = self.timed(SoakCall::SignUp, target, request, create).await.ok()?;
        let token = self.access_token(answer.tokens.as_ref())?;
        self.sessions.add(NewSession { token, origin: SessionOrigin::SignUp });
        Some(())
    }

    async fn refresh(&self) -> Option<()> {
        let session = self.sessions.lasting(&mut self.random())?;
        self.refresh_session(session).await
    }

    /// Refreshes a session. A refused refresh is a broken promise, and the user logs in again.
    pub(super) async fn refresh_session(&self, session: &LastingSession) -> Option<()> {
        let mut current = session.refresh_token.lock().await;
        let request = RefreshTokenRequest { refresh_token: current.clone(), ..RefreshTokenRequest::default() };
        let (target, auth) = self.auth();
        let refresh = |request| async move { AuthServiceClient::new(auth).refresh_token(request).await };
        match self.timed(SoakCall::Refresh, target, request, refresh).await {
            Ok(answer) => {
                session.set_token(self.access_token(answer.tokens.as_ref())?);
                *current = answer.tokens?.refresh_token;
            }
            Err(answer) if answer.code == Code::Unauthenticated => {
                self.promises.miss("a session survives faults", format!("{}: {answer}", session.email));
                let (email, password) = (session.email.clone(), DRILL_PASSWORD.to_owned());
                let request = LoginRequest { email, password, ..LoginRequest::default() };
                let tokens = AuthServiceClient::new(self.auth().1).login(request).await.ok()?.into_inner().tokens?;
                session.set_token(self.access_token(Some(&tokens))?);
                *current = tokens.refresh_token;
            }
            // The same token is presented again.
            Err(_) => return None,
        }
        Some(())
    }

    async fn get_me(&self) -> Option<()> {
        let (target, auth) = self.auth();
        let mut users = UserServiceClient::with_interceptor(auth, WithToken::new(&self.token()?));
        let ask = |request| async move { users.get_me(request).await };
        self.timed(SoakCall::GetMe, target, GetMeRequest {}, ask).await.ok().map(drop)
    }

    async fn verify(&self) -> Option<()> {
        let (target, auth) = self.auth();
        let request = VerifyTokenRequest { token: self.token()?.expose().to_owned() };
        let verify = |request| async move { TokenServiceClient::new(auth).verify_token(request).await };
        let state = self.timed(SoakCall::Verify, target, request, verify).await.ok()?.state();
        if state != TokenState::Active {
            self.promises.miss("a good token is not refused", state.as_str_name());
        }
        Some(())
    }

    async fn list_keys(&self) -> Option<()> {
        let (target, auth) = self.auth();
        let list = |request| async move { TokenServiceClient::new(auth).list_signing_keys(request).await };
        self.timed(SoakCall::ListKeys, target, ListSigningKeysRequest {}, list).await.ok().map(drop)
    }

    async fn read(&self, call: SoakCall) -> Option<()> {
        let taken = self.book().take(&mut self.random(), self.now());
        self.read_post(call, taken?).await
    }

    /// Reads a post, and compares it with the known content.
    async fn read_post(&self, call: SoakCall, mut post: KnownPost) -> Option<()> {
        let request = GetPostRequest { post: Some(get_post_request::Post::Id(post.id.clone())), view: 0 };
        let token = if call == SoakCall::GetPostByKey { Some(self.api_key.clone()) } else { self.token() };
        let token = token.filter(|_| call != SoakCall::GetPublic);
        let may_be_gone = !post.is_settled();
        let settled = move |answer: Result<Response<GetPostResponse>, Status>| match answer {
            // An unanswered deletion was made.
            Err(status) if may_be_gone && status.code() == Code::NotFound => {
                Ok(Response::new(GetPostResponse::default()))
            }
            answer => answer,
        };
        let answer = if let Some(token) = token {
            let mut posts = self.posts(&token);
            let read = |request| async move { settled(posts.get_post(request).await) };
            self.timed(call, Target::Blog, request, read).await
        } else {
            let mut posts = PostServiceClient::new(self.blog());
            let read = |request| async move { settled(posts.get_post(request).await) };
            self.timed(call, Target::Blog, request, read).await
        };
        let title = match answer {
            Ok(answer) => answer.post.map(|post| post.title),
            Err(answer) if answer.code == Code::NotFound => None,
            Err(_) => {
                self.book().put_back(post);
                return None;
            }
        };
        let is_gone = title.is_none();
        self.promises.add(post.read(title.as_deref()));
        if !is_gone {
            self.book().put_back(post);
        }
        Some(())
    }

    async fn list_posts(&self) -> Option<()> {
        let mut posts = self.posts(&self.token()?);
        let request = ListPostsRequest { page_size: PAGE_SIZE, ..ListPostsRequest::default() };
        let list = |request| async move { posts.list_posts(request).await };
        self.timed(SoakCall::ListPosts, Target::Blog, request, list).await.ok().map(drop)
    }

    async fn create_post(&self) -> Option<()> {
        let new = self.book().create(&mut self.random());
        let request = CreatePostRequest {
            title: new.title(),
            content: "Text of the length of a short paragraph, like that of most posts. ".repeat(4),
            request_id: new.request_id.clone(),
            ..CreatePostRequest::default()
        };
        let mut posts = self.posts(&self.author()?);
        let create = |request| async move { posts.create_post(request).await };
        let answer = self.timed(SoakCall::CreatePost, Target::Blog, request, create).await;
        let id = answer.ok().map(|created| created.post.unwrap_or_default().id);
        self.book().created(new, id);
        Some(())
    }

    async fn update_post(&self) -> Option<()> {
        let taken = self.book().take(&mut self.random(), self.now());
        let mut post = taken?;
        if !post.is_settled() {
            return self.read_post(SoakCall::GetPost, post).await;
        }
        let (version, title) = post.next_version();
        let patch = PostPatch { title: Some(title), ..PostPatch::default() };
        let request = UpdatePostRequest { id: post.id.clone(), patch: Some(patch), ..UpdatePostRequest::default() };
        let mut posts = self.posts(&self.author()?);
        let update = |request| async move { posts.update_post(request).await };
        match self.timed(SoakCall::UpdatePost, Target::Blog, request, update).await {
            Ok(_) => {
                post.updated(version, true);
                self.book().put_back(post);
            }
            Err(answer) if answer.code == Code::NotFound => self.promises.add(post.read(None)),
            Err(answer) if answer.is_refusal() => self.book().put_back(post),
            Err(_) => {
                post.updated(version, false);
                let now = self.now();
                self.book().rest(post, now);
            }
        }
        Some(())
    }

    async fn delete_post(&self) -> Option<()> {
        let taken = self.book().take(&mut self.random(), self.now());
        let mut post = taken?;
        if !post.is_settled() {
            return self.read_post(SoakCall::GetPost, post).await;
        }
        let request = DeletePostRequest { id: post.id.clone(), etag: String::new() };
        let mut posts = self.posts(&self.author()?);
        let delete = |request| async move { posts.delete_post(request).await };
        match self.timed(SoakCall::DeletePost, Target::Blog, request, delete).await {
            Ok(_) => {}
            Err(answer) if answer.code == Code::NotFound => self.promises.add(post.read(None)),
            Err(answer) if answer.is_refusal() => self.book().put_back(post),
            Err(_) => {
                post.deletion_unanswered();
                let now = self.now();
                self.book().rest(post, now);
            }
        }
        Some(())
    }

    /// Revokes a session or an API key, and watches over its token.
    async fn revoke(&self) -> Option<()> {
        if self.random().number().is_multiple_of(REVOCATIONS_PER_API_KEY) {
            return self.revoke_key().await;
        }
        let NewSession { token, origin } = self.sessions.take()?;
        let watched = self.watch.begin(token.clone()).await;
        let (target, auth) = self.auth();
        let Some(session) = RevocableSession::of(&auth, token).await.ok()? else {
            self.promises.miss("a good token is not refused", format!("a new session by {origin:?}"));
            return None;
        };
        let kind = match origin {
            SessionOrigin::Login => self.random().one_of(&SESSION_KINDS),
            SessionOrigin::SignUp => self.random().one_of(&RevocationKind::ALL),
        };
        let begun = self.now();
        let answer = timeout(REVOCATION_TIMEOUT, kind.of(&session, auth, &self.admin)).await;
        let answer = answer.unwrap_or_else(|_| Err(Status::deadline_exceeded("no answer")));
        self.revoked(target, begun, &answer, watched);
        Some(())
    }

    async fn revoke_key(&self) -> Option<()> {
        let (target, auth) = self.auth();
        let mut keys = ApiKeyServiceClient::with_interceptor(auth, WithToken::new(&self.admin));
        let request = CreateApiKeyRequest { name: "Export".into(), ..CreateApiKeyRequest::default() };
        let mut creator = keys.clone();
        let create = |request| async move { creator.create_api_key(request).await };
        let created = self.timed(SoakCall::CreateKey, target, request, create).await.ok()?;
        let watched = self.watch.begin(Token::parse(&created.secret).ok()?).await;
        let request = RevokeApiKeyRequest { id: created.api_key?.id, etag: String::new() };
        let begun = self.now();
        let answer = timeout(REVOCATION_TIMEOUT, keys.revoke_api_key(request)).await;
        let answer = answer.unwrap_or_else(|_| Err(Status::deadline_exceeded("no answer")));
        self.revoked(target, begun, &answer.map(drop), watched);
        Some(())
    }

    /// Counts a revocation, and starts to watch its token.
    fn revoked(&self, target: Target, begun: Duration, answer: &Result<(), Status>, watched: WatchedToken) {
        let (watch, is_acknowledged) = (Arc::clone(&self.watch), answer.is_ok());
        self.count(SoakCall::Revoke, target, begun, &answer.as_ref().map_or_else(Answer::of, |()| Answer::success()));
        let Target::Auth(replica) = target else { return };
        let mut watching = self.watching.lock().unwrap_or_else(PoisonError::into_inner);
        while watching.try_join_next().is_some() {}
        watching.spawn(async move { watch.follow(watched, replica, begun, is_acknowledged).await });
    }
}
