//! A client of both services that keeps a history of its calls and a journal of its writes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use blog_service::api::v1::post_service_client::PostServiceClient;
use blog_service::api::v1::{CreatePostRequest, GetPostRequest, ListPostsRequest, Post, PostView, get_post_request};
use gatepost::api::auth::v1::auth_service_client::AuthServiceClient;
use gatepost::api::auth::v1::token_service_client::TokenServiceClient;
use gatepost::api::auth::v1::user_service_client::UserServiceClient;
use gatepost::api::auth::v1::{
    CreateUserRequest, GetUserRequest, ListUsersRequest, LoginRequest, TokenState, VerifyTokenRequest,
};
use gatepost::{Token, WithToken};
use tokio::time::{Instant, sleep};
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Request, Response, Status};

use super::{ADMIN_EMAIL, Answer, CallHistory, Contents, DRILL_PASSWORD, Journal, Operation, Random};
use crate::Failure;
use crate::services::Services;

/// Interval between repetitions of a request.
const RETRY_PAUSE: Duration = Duration::from_millis(10);

/// Time limit for repetitions, so that the drill ends even if the database stays away.
const RETRY_TIMEOUT: Duration = Duration::from_secs(10);

const USER_EMAIL: &str = "ada@example.com";

/// A user who is logged in.
#[derive(Clone)]
pub struct DrillClient {
    auth: Channel,
    blog: Channel,
    token: Token,
    user: String,
    post: String,
    number: Arc<AtomicU64>,
    random: Arc<Mutex<Random>>,
    /// Every call.
    pub history: CallHistory,
    /// The posts, by title.
    pub posts: Journal,
    /// The users, by email.
    pub users: Journal,
}

type DrillPosts = PostServiceClient<InterceptedService<Channel, WithToken>>;

impl DrillClient {
    /// Registers the user, who writes a first post. Random choices come from the seed.
    ///
    /// # Errors
    /// Fails if a call is refused: no fault is active yet.
    pub async fn register(services: &Services, seed: u64) -> Result<Self, Failure> {
        let request = user(USER_EMAIL);
        let created = UserServiceClient::new(services.auth.clone()).create_user(request).await?.into_inner();
        let token = created.tokens.ok_or("no tokens")?.access_token;
        let mut client = Self {
            auth: services.auth.clone(),
            blog: services.blog.clone(),
            token: Token::parse(&token)?,
            user: created.user.ok_or("no user")?.id,
            post: String::new(),
            number: Arc::default(),
            random: Arc::new(Mutex::new(Random::new(seed))),
            history: CallHistory::default(),
            posts: Journal::default(),
            users: Journal::default(),
        };
        client.post = client.create_post().await.map_err(|answer| format!("no first post: {answer}"))?;
        Ok(client)
    }

    /// Returns this client for services that were started again.
    #[must_use]
    pub fn over(&self, services: &Services) -> Self {
        Self { auth: services.auth.clone(), blog: services.blog.clone(), ..self.clone() }
    }

    /// Makes a call of this kind.
    ///
    /// # Errors
    /// Returns the answer if it is a failure.
    pub async fn call(&self, operation: Operation) -> Result<(), Answer> {
        match operation {
            Operation::VerifyToken => self.verify().await,
            Operation::GetUser => self.get_user(&self.user).await,
            Operation::Login => self.login().await,
            Operation::CreateUser => self.create_user().await.map(drop),
            Operation::CreatePost => self.create_post().await.map(drop),
            Operation::CreatePostOnce => self.create_post_once().await.map(drop),
            Operation::GetPost => self.get_post(&self.post).await,
            Operation::ListPosts => {
                let request = ListPostsRequest { page_size: 10, ..ListPostsRequest::default() };
                let call = |request| async { self.posts().list_posts(request).await };
                self.made(Operation::ListPosts, request, call).await.map(drop)
            }
        }
    }

    async fn verify(&self) -> Result<(), Answer> {
        let request = VerifyTokenRequest { token: self.token.expose().to_owned() };
        let call = |request| async { TokenServiceClient::new(self.auth.clone()).verify_token(request).await };
        let state = self.made(Operation::VerifyToken, request, call).await?.state();
        // An outage of the database must not make a token invalid, so such an answer is wrong.
        if state == TokenState::Active { Ok(()) } else { Err(Answer::of(&Status::internal(state.as_str_name()))) }
    }

    /// Reads a user.
    ///
    /// # Errors
    /// Returns the answer if it is a failure.
    pub async fn get_user(&self, id: &str) -> Result<(), Answer> {
        let request = GetUserRequest { id: id.to_owned() };
        let token = WithToken::new(&self.token);
        let call = |request| async {
            UserServiceClient::with_interceptor(self.auth.clone(), token.clone()).get_user(request).await
        };
        self.made(Operation::GetUser, request, call).await.map(drop)
    }

    async fn login(&self) -> Result<(), Answer> {
        let request =
            LoginRequest { email: USER_EMAIL.into(), password: DRILL_PASSWORD.into(), ..LoginRequest::default() };
        let call = |request| async { AuthServiceClient::new(self.auth.clone()).login(request).await };
        self.made(Operation::Login, request, call).await.map(drop)
    }

    /// Registers another user, and returns its id.
    ///
    /// # Errors
    /// Returns the answer if it is a failure.
    pub async fn create_user(&self) -> Result<String, Answer> {
        let email = format!("user-{}@example.com", self.number.fetch_add(1, Ordering::Relaxed));
        self.users.begin(&email);
        let call = |request| async { UserServiceClient::new(self.auth.clone()).create_user(request).await };
        let created = self.made(Operation::CreateUser, user(&email), call).await;
        let id = created.map(|created| created.user.unwrap_or_default().id);
        self.users.end(&email, id.as_deref());
        id
    }

    /// Writes a post without a request id, and returns its id.
    ///
    /// # Errors
    /// Returns the answer if it is a failure.
    pub async fn create_post(&self) -> Result<String, Answer> {
        let title = self.title();
        self.posts.begin(&title);
        self.ask_for_post(Operation::CreatePost, &title, "").await
    }

    /// Writes a post with a request id, repeats the request for ten seconds until it succeeds, and returns the post's
    /// id.
    ///
    /// # Errors
    /// Returns an answer that no fault of the database explains.
    pub async fn create_post_once(&self) -> Result<String, Answer> {
        let title = self.title();
        self.posts.begin(&title);
        let request_id = self.random.lock().unwrap_or_else(PoisonError::into_inner).uuid();
        let give_up = Instant::now() + RETRY_TIMEOUT;
        loop {
            match self.ask_for_post(Operation::CreatePostOnce, &title, &request_id).await {
                Err(answer) if answer.is_honest() && Instant::now() < give_up => sleep(RETRY_PAUSE).await,
                ended => return ended,
            }
        }
    }

    /// Asks for a post with this title, once.
    ///
    /// # Errors
    /// Returns the answer if it is a failure.
    pub async fn ask_for_post(&self, operation: Operation, title: &str, request_id: &str) -> Result<String, Answer> {
        let (title, request_id) = (title.to_owned(), request_id.to_owned());
        let content = content();
        let request = CreatePostRequest { title: title.clone(), content, request_id, ..CreatePostRequest::default() };
        let call = |request| async { self.posts().create_post(request).await };
        let created = self.made(operation, request, call).await;
        let id = created.map(|created| created.post.unwrap_or_default().id);
        self.posts.end(&title, id.as_deref());
        id
    }

    /// Reads a post.
    ///
    /// # Errors
    /// Returns the answer if it is a failure.
    pub async fn get_post(&self, id: &str) -> Result<(), Answer> {
        let request = GetPostRequest { post: Some(get_post_request::Post::Id(id.to_owned())), view: 0 };
        let call = |request| async { self.posts().get_post(request).await };
        self.made(Operation::GetPost, request, call).await.map(drop)
    }

    /// Returns this client after a new login.
    ///
    /// # Errors
    /// Fails if the login is refused.
    pub async fn logged_in(&self) -> Result<Self, Failure> {
        let request =
            LoginRequest { email: USER_EMAIL.into(), password: DRILL_PASSWORD.into(), ..LoginRequest::default() };
        let tokens = AuthServiceClient::new(self.auth.clone()).login(request).await?.into_inner().tokens;
        let token = Token::parse(&tokens.ok_or("no tokens")?.access_token)?;
        Ok(Self { token, ..self.clone() })
    }

    /// Returns every post by its title.
    ///
    /// # Errors
    /// Fails if the service refuses: no fault is active any more.
    pub async fn all_posts(&self) -> Result<Contents, Failure> {
        self.listed(PostView::Basic, |_| true).await
    }

    /// Returns every post that has its original content, by its title.
    ///
    /// # Errors
    /// Fails if the service refuses: no fault is active any more.
    pub async fn all_posts_with_content(&self) -> Result<Contents, Failure> {
        let written = content();
        self.listed(PostView::Full, |post| post.content == written).await
    }

    async fn listed(&self, view: PostView, is_wanted: impl Fn(&Post) -> bool) -> Result<Contents, Failure> {
        let (mut found, mut page_token) = (Contents::new(), String::new());
        loop {
            let request =
                ListPostsRequest { page_size: 1000, page_token, view: view.into(), ..ListPostsRequest::default() };
            let page = self.posts().list_posts(request).await?.into_inner();
            for post in page.posts.into_iter().filter(&is_wanted) {
                found.entry(post.title).or_default().push(post.id);
            }
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(found);
            }
        }
    }

    /// Returns every user by email, as the admin sees them.
    ///
    /// # Errors
    /// Fails if the service refuses: no fault is active any more.
    pub async fn all_users(&self) -> Result<Contents, Failure> {
        let request =
            LoginRequest { email: ADMIN_EMAIL.into(), password: DRILL_PASSWORD.into(), ..LoginRequest::default() };
        let tokens = AuthServiceClient::new(self.auth.clone()).login(request).await?.into_inner().tokens;
        let token = Token::parse(&tokens.ok_or("no tokens")?.access_token)?;
        let mut users = UserServiceClient::with_interceptor(self.auth.clone(), WithToken::new(&token));
        let (mut found, mut page_token) = (Contents::new(), String::new());
        loop {
            let request = ListUsersRequest { page_size: 1000, page_token, filter: None };
            let page = users.list_users(request).await?.into_inner();
            for user in page.users {
                found.entry(user.email).or_default().push(user.id);
            }
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return Ok(found);
            }
        }
    }

    /// Returns a title that no other post has.
    pub fn title(&self) -> String {
        format!("post {}", self.number.fetch_add(1, Ordering::Relaxed))
    }

    fn posts(&self) -> DrillPosts {
        PostServiceClient::with_interceptor(self.blog.clone(), WithToken::new(&self.token))
    }

    /// Makes a call with the operation's deadline, and adds it to the history.
    async fn made<Q, A, F>(&self, operation: Operation, request: Q, call: impl Fn(Request<Q>) -> F) -> Result<A, Answer>
    where
        F: Future<Output = Result<Response<A>, Status>>,
    {
        let begun = Instant::now();
        let mut request = Request::new(request);
        request.set_timeout(operation.deadline());
        let answered = call(request).await;
        let answer = answered.as_ref().map_or_else(Answer::of, |_| Answer::success());
        self.history.add(operation, begun, answer.clone());
        answered.map(Response::into_inner).map_err(|_| answer)
    }
}

/// Returns the content of each post.
fn content() -> String {
    "Text of the length of a short paragraph, like that of most posts. ".repeat(4)
}

fn user(email: &str) -> CreateUserRequest {
    CreateUserRequest {
        name: "Ada".into(),
        email: email.into(),
        password: DRILL_PASSWORD.into(),
        ..CreateUserRequest::default()
    }
}
