//! Logins and refreshes of users with one session each, for the comparison of two programs.

use std::sync::Arc;

use bench::Failure;
use bench::services::Services;
use gatepost::api::auth::v1::auth_service_client::AuthServiceClient;
use gatepost::api::auth::v1::user_service_client::UserServiceClient;
use gatepost::api::auth::v1::{CreateUserRequest, LoginRequest, RefreshTokenRequest};
use tokio::sync::{Mutex, Semaphore};
use tonic::Status;
use tonic::transport::Channel;

use crate::load::CallFuture;

/// Number of users. The service checks at most four passwords of one user at once.
const USERS: usize = 32;

/// Number of concurrent logins. The service refuses passwords beyond the capacity of its queue.
const CONCURRENT_LOGINS: usize = 8;

const PASSWORD: &str = "correct horse battery staple";

/// A user, and the current refresh token of the user's session.
#[derive(Clone)]
pub(super) struct Account {
    auth: AuthServiceClient<Channel>,
    email: String,
    /// Permits for concurrent logins at the pair.
    logins: Arc<Semaphore>,
    /// A refresh token works once, so the calls of a session wait for each other.
    refresh_token: Arc<Mutex<String>>,
}

impl Account {
    /// Registers the users of a pair.
    pub(super) async fn register(pair: &Services) -> Result<Vec<Self>, Failure> {
        let (mut accounts, logins) = (Vec::new(), Arc::new(Semaphore::new(CONCURRENT_LOGINS)));
        for number in 0..USERS {
            let email = format!("user{number}@example.com");
            let request = CreateUserRequest {
                name: "Ada".into(),
                email: email.clone(),
                password: PASSWORD.into(),
                ..CreateUserRequest::default()
            };
            let created = UserServiceClient::new(pair.auth.clone()).create_user(request).await?.into_inner();
            let refresh_token = Arc::new(Mutex::new(created.tokens.ok_or("no tokens")?.refresh_token));
            let (auth, logins) = (AuthServiceClient::new(pair.auth.clone()), Arc::clone(&logins));
            accounts.push(Self { auth, email, logins, refresh_token });
        }
        Ok(accounts)
    }

    /// Returns logins of this user.
    pub(super) fn logins(self) -> impl Fn() -> CallFuture<()> + Clone + Send + Sync + 'static {
        move || {
            let (mut auth, email, logins) = (self.auth.clone(), self.email.clone(), Arc::clone(&self.logins));
            let request = LoginRequest { email, password: PASSWORD.into(), ..LoginRequest::default() };
            Box::pin(async move {
                // The semaphore is never closed.
                let _place = logins.acquire_owned().await;
                auth.login(request).await.map(drop)
            })
        }
    }

    /// Returns refreshes of this user's session.
    pub(super) fn refreshes(self) -> impl Fn() -> CallFuture<()> + Clone + Send + Sync + 'static {
        move || {
            let (mut auth, current) = (self.auth.clone(), Arc::clone(&self.refresh_token));
            Box::pin(async move {
                let mut current = current.lock().await;
                let request = RefreshTokenRequest { refresh_token: current.clone(), ..RefreshTokenRequest::default() };
                let tokens = auth.refresh_token(request).await?.into_inner().tokens;
                *current = tokens.ok_or_else(|| Status::internal("no tokens"))?.refresh_token;
                Ok(())
            })
        }
    }
}
