//! Accounts with one session each: logins, refreshes, and access tokens that no service has seen.

use std::sync::Arc;

use gatepost::api::auth::v1::auth_service_client::AuthServiceClient;
use gatepost::api::auth::v1::user_service_client::UserServiceClient;
use gatepost::api::auth::v1::{CreateUserRequest, LoginRequest, LogoutRequest, RefreshTokenRequest, TokenPair};
use gatepost::{Token, WithToken};
use tokio::sync::{Mutex, Semaphore};
use tokio::task::JoinSet;
use tonic::Status;
use tonic::transport::Channel;

use super::CallFuture;
use crate::Failure;

/// Settings that switch the quotas of users and addresses off.
pub const UNLIMITED_SETTINGS: [(&str, &str); 5] = [
    ("BLOG_USER_POSTS_PER_MINUTE", "0"),
    ("BLOG_USER_KIB_PER_MINUTE", "0"),
    ("AUTH_SIGN_UPS", "0"),
    ("AUTH_ADDRESS_LOGINS_PER_MINUTE", "0"),
    ("AUTH_USER_SESSIONS", "0"),
];

/// Number of concurrent logins. The service refuses passwords beyond the capacity of its queue.
pub const MAX_LOGINS: usize = 8;

/// Number of concurrent logins of one user: the service checks four passwords of a user at once.
const MAX_LOGINS_OF_USER: usize = 4;

/// Password of the registered users.
pub(crate) const NEW_USER_PASSWORD: &str = "correct horse battery staple";

/// A user with a session. The type has no `Debug`, so that no output shows its secrets.
#[derive(Clone)]
pub struct Account {
    auth: Channel,
    email: String,
    password: Arc<str>,
    /// Permits for concurrent logins.
    logins: Arc<Semaphore>,
    /// Current tokens of the session. A refresh token works once, so the calls of a session wait for each other.
    tokens: Arc<Mutex<TokenPair>>,
}

impl Account {
    /// Registers this many users, who share these connections evenly.
    ///
    /// # Errors
    /// Fails if the service refuses a user.
    pub async fn register(auth: &[Channel], count: usize) -> Result<Vec<Self>, Failure> {
        let (mut accounts, logins) = (Vec::new(), Arc::new(Semaphore::new(MAX_LOGINS.min(count * MAX_LOGINS_OF_USER))));
        for (number, auth) in (0..count).zip(auth.iter().cycle()) {
            let email = format!("user{number}@example.com");
            let request = CreateUserRequest {
                name: "Ada".into(),
                email: email.clone(),
                password: NEW_USER_PASSWORD.into(),
                ..CreateUserRequest::default()
            };
            let created = UserServiceClient::new(auth.clone()).create_user(request).await?.into_inner();
            let tokens = Arc::new(Mutex::new(created.tokens.ok_or("no tokens")?));
            let (auth, logins) = (auth.clone(), Arc::clone(&logins));
            accounts.push(Self { auth, email, password: NEW_USER_PASSWORD.into(), logins, tokens });
        }
        Ok(accounts)
    }

    /// Logs a user in this many times. The sessions share these connections evenly.
    ///
    /// # Errors
    /// Fails if the service refuses a login.
    pub async fn log_in(auth: &[Channel], email: &str, password: &str, count: usize) -> Result<Vec<Self>, Failure> {
        let (mut accounts, logins) = (Vec::new(), Arc::new(Semaphore::new(MAX_LOGINS_OF_USER)));
        for auth in auth.iter().cycle().take(count) {
            let request = LoginRequest { email: email.into(), password: password.into(), ..LoginRequest::default() };
            let tokens =
                AuthServiceClient::new(auth.clone()).login(request).await?.into_inner().tokens.ok_or("no tokens")?;
            let tokens = Arc::new(Mutex::new(tokens));
            accounts.push(Self {
                auth: auth.clone(),
                email: email.into(),
                password: password.into(),
                logins: Arc::clone(&logins),
                tokens,
            });
        }
        Ok(accounts)
    }

    /// Returns the number of concurrent logins of these accounts.
    pub(super) fn login_places(accounts: &[Self]) -> usize {
        accounts.first().map_or(0, |account| account.logins.available_permits())
    }

    /// Returns logins of this user.
    pub fn logins(self) -> impl Fn() -> CallFuture<()> + Clone + Send + Sync + 'static {
        move || {
            let (logins, account) = (Arc::clone(&self.logins), self.clone());
            Box::pin(async move {
                // The semaphore is never closed.
                let _place = logins.acquire_owned().await;
                account.log_in_again().await
            })
        }
    }

    /// Returns logins of this user that wait for no other login.
    pub(super) fn eager_logins(self) -> impl Fn() -> Option<CallFuture<()>> + Clone + Send + 'static {
        move || {
            let account = self.clone();
            Some(Box::pin(async move { account.log_in_again().await }))
        }
    }

    async fn log_in_again(self) -> Result<(), Status> {
        let (email, password) = (self.email, self.password.as_ref().to_owned());
        let request = LoginRequest { email, password, ..LoginRequest::default() };
        AuthServiceClient::new(self.auth).login(request).await.map(drop)
    }

    /// Returns refreshes of this user's session.
    pub fn refreshes(self) -> impl Fn() -> CallFuture<()> + Clone + Send + Sync + 'static {
        move || {
            let account = self.clone();
            Box::pin(async move { account.refresh().await.map(drop) })
        }
    }

    /// Refreshes the session. Returns the new access token.
    async fn refresh(self) -> Result<String, Status> {
        let mut tokens = self.tokens.lock().await;
        let request =
            RefreshTokenRequest { refresh_token: tokens.refresh_token.clone(), ..RefreshTokenRequest::default() };
        let renewed = AuthServiceClient::new(self.auth).refresh_token(request).await?.into_inner().tokens;
        *tokens = renewed.ok_or_else(|| Status::internal("no tokens"))?;
        Ok(tokens.access_token.clone())
    }

    /// Returns the session's present access token.
    ///
    /// # Errors
    /// Fails if the service has issued a malformed token.
    pub(crate) async fn access_token(&self) -> Result<Token, Failure> {
        Ok(Token::parse(&self.tokens.lock().await.access_token)?)
    }

    /// Returns this many access tokens that no service has seen. The sessions are refreshed side by side.
    ///
    /// # Errors
    /// Fails if the service refuses a refresh.
    pub(super) async fn unseen_tokens(accounts: &[Self], count: usize) -> Result<Vec<String>, Failure> {
        let mut refreshing = JoinSet::new();
        for (index, account) in accounts.iter().enumerate() {
            let account = account.clone();
            let share = (count + accounts.len() - 1 - index) / accounts.len();
            refreshing.spawn(async move {
                let mut tokens = Vec::new();
                for _ in 0..share {
                    tokens.push(account.clone().refresh().await?);
                }
                Ok::<_, Status>(tokens)
            });
        }
        let mut all = Vec::new();
        while let Some(tokens) = refreshing.join_next().await {
            all.extend(tokens??);
        }
        Ok(all)
    }

    /// Ends the session.
    ///
    /// # Errors
    /// Fails if the service refuses the token.
    pub(crate) async fn log_out(self) -> Result<(), Failure> {
        let token = self.access_token().await?;
        let mut auth = AuthServiceClient::with_interceptor(self.auth, WithToken::new(&token));
        auth.logout(LogoutRequest {}).await?;
        Ok(())
    }
}
