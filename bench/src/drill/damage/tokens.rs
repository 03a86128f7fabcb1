//! Tokens of a pair: dead ones, which no start may accept, and live ones.

use gatepost::api::auth::v1::api_key_service_client::ApiKeyServiceClient;
use gatepost::api::auth::v1::auth_service_client::AuthServiceClient;
use gatepost::api::auth::v1::session_service_client::SessionServiceClient;
use gatepost::api::auth::v1::token_service_client::TokenServiceClient;
use gatepost::api::auth::v1::user_service_client::UserServiceClient;
use gatepost::api::auth::v1::{
    CreateApiKeyRequest, CreateUserRequest, DeleteUserRequest, DisableUserRequest, LoginRequest, LogoutRequest,
    RefreshTokenRequest, RevokeAllSessionsRequest, RevokeApiKeyRequest, RotateApiKeyRequest, TokenPair, TokenState,
    VerifyTokenRequest,
};
use gatepost::{Token, WithToken};

use super::super::{ADMIN_EMAIL, Broken, DRILL_PASSWORD};
use crate::Failure;
use crate::services::Services;

/// Number of users of each kind.
const USERS: usize = 2;

/// An access token or an API key.
#[derive(Clone, Debug)]
struct HeldToken {
    kind: &'static str,
    token: String,
    /// Subject of a live token.
    subject: String,
}

/// Tokens that the callers hold.
#[derive(Clone, Debug, Default)]
pub(super) struct Tokens {
    dead: Vec<HeldToken>,
    live: Vec<HeldToken>,
    /// Refresh tokens that were rotated or whose sessions have ended.
    dead_refresh: Vec<(&'static str, String)>,
}

/// Answers after a start.
#[derive(Clone, Debug, Default)]
pub(super) struct TokenAnswers {
    pub(super) broken: Vec<Broken>,
    /// Number of live tokens that are accepted.
    pub(super) kept: usize,
    /// Number of calls that failed, for example because a table cannot be read.
    pub(super) failed: usize,
}

/// User with its first session.
struct NewUser {
    id: String,
    tokens: TokenPair,
}

impl Tokens {
    /// Makes users and keys, then ends most of them. All ends come last, so that a lost end of the log revives them.
    pub(super) async fn make(services: &Services) -> Result<Self, Failure> {
        let mut tokens = Self::default();
        let admin = admin(services).await?;
        let mut users = Vec::new();
        for number in 0..6 * USERS {
            users.push(register(services, number).await?);
        }
        let mut keys = ApiKeyServiceClient::with_interceptor(services.auth.clone(), admin.clone());
        let mut secrets = Vec::new();
        for number in 0..3 * USERS {
            let request = CreateApiKeyRequest { name: format!("key {number}"), ..CreateApiKeyRequest::default() };
            let created = keys.create_api_key(request).await?.into_inner();
            secrets.push((created.api_key.ok_or("no key")?.id, created.secret));
        }
        let mut users = users.into_iter();
        let mut next = |count: usize| users.by_ref().take(count).collect::<Vec<_>>();
        let (live, rotated) = (next(USERS), next(USERS));
        for user in live {
            tokens.live("access token", user.tokens.access_token, user.id);
        }
        for user in rotated {
            let request =
                RefreshTokenRequest { refresh_token: user.tokens.refresh_token.clone(), audiences: Vec::new() };
            AuthServiceClient::new(services.auth.clone()).refresh_token(request).await?;
            tokens.dead_refresh.push(("rotated refresh token", user.tokens.refresh_token));
        }
        let mut ended = [next(USERS), next(USERS), next(USERS), next(USERS)].into_iter();
        let mut sessions = SessionServiceClient::with_interceptor(services.auth.clone(), admin.clone());
        let mut admins = UserServiceClient::with_interceptor(services.auth.clone(), admin.clone());
        for user in ended.next().into_iter().flatten() {
            let own = WithToken::new(&Token::parse(&user.tokens.access_token)?);
            AuthServiceClient::with_interceptor(services.auth.clone(), own).logout(LogoutRequest {}).await?;
            tokens.dead("logged out", user);
        }
        for user in ended.next().into_iter().flatten() {
            sessions.revoke_all_sessions(RevokeAllSessionsRequest { user_id: user.id.clone() }).await?;
            tokens.dead("sessions ended", user);
        }
        for user in ended.next().into_iter().flatten() {
            admins.disable_user(DisableUserRequest { id: user.id.clone(), etag: String::new() }).await?;
            tokens.dead("user disabled", user);
        }
        for user in ended.next().into_iter().flatten() {
            admins.delete_user(DeleteUserRequest { id: user.id.clone(), etag: String::new() }).await?;
            tokens.dead("user deleted", user);
        }
        for (number, (id, secret)) in secrets.into_iter().enumerate() {
            match number / USERS {
                0 => tokens.live("API key", secret, id),
                1 => {
                    keys.revoke_api_key(RevokeApiKeyRequest { id, etag: String::new() }).await?;
                    tokens.dead_token("API key revoked", secret);
                }
                _ => {
                    let request = RotateApiKeyRequest {
                        id,
                        overlap: Some(prost_types::Duration::default()),
                        etag: String::new(),
                    };
                    keys.rotate_api_key(request).await?;
                    tokens.dead_token("API key rotated", secret);
                }
            }
        }
        Ok(tokens)
    }

    fn live(&mut self, kind: &'static str, token: String, subject: String) {
        self.live.push(HeldToken { kind, token, subject });
    }

    fn dead(&mut self, kind: &'static str, user: NewUser) {
        self.dead_token(kind, user.tokens.access_token);
        self.dead_refresh.push((kind, user.tokens.refresh_token));
    }

    fn dead_token(&mut self, kind: &'static str, token: String) {
        self.dead.push(HeldToken { kind, token, subject: String::new() });
    }

    /// Returns the number of live tokens.
    pub(super) fn live_count(&self) -> usize {
        self.live.len()
    }

    /// Returns the number of dead tokens of all kinds.
    pub(super) fn dead_count(&self) -> usize {
        self.dead.len() + self.dead_refresh.len()
    }

    /// Presents all tokens.
    pub(super) async fn present(&self, services: &Services) -> TokenAnswers {
        let mut answers = TokenAnswers::default();
        let mut verifier = TokenServiceClient::new(services.auth.clone());
        for held in self.dead.iter().chain(&self.live) {
            match verifier.verify_token(VerifyTokenRequest { token: held.token.clone() }).await {
                Ok(answer) => {
                    let answer = answer.into_inner();
                    let subject = answer.claims.clone().unwrap_or_default().subject;
                    match (answer.state(), held.subject.is_empty()) {
                        (TokenState::Active, true) => answers.revived(held.kind),
                        (TokenState::Active, false) if subject != held.subject => answers.forged(held.kind, &subject),
                        (TokenState::Active, false) => answers.kept += 1,
                        _ => {}
                    }
                    let roles = answer.claims.unwrap_or_default().roles;
                    if answer.state == i32::from(TokenState::Active) && !roles.is_empty() {
                        answers.forged(held.kind, &roles.join(","));
                    }
                }
                Err(_) => answers.failed += 1,
            }
        }
        let mut sessions = AuthServiceClient::new(services.auth.clone());
        for (kind, token) in &self.dead_refresh {
            match sessions
                .refresh_token(RefreshTokenRequest { refresh_token: token.clone(), audiences: Vec::new() })
                .await
            {
                Ok(_) => answers.revived(kind),
                Err(status) if status.code() == tonic::Code::Unauthenticated => {}
                Err(_) => answers.failed += 1,
            }
        }
        answers
    }
}

impl TokenAnswers {
    fn revived(&mut self, kind: &'static str) {
        self.broken.push(Broken::new("no dead token is accepted", kind));
    }

    fn forged(&mut self, kind: &'static str, identity: &str) {
        self.broken.push(Broken::new("no token gets another identity", format!("{kind}: {identity}")));
    }
}

/// Logs the admin in.
pub(in super::super) async fn admin(services: &Services) -> Result<WithToken, Failure> {
    let request =
        LoginRequest { email: ADMIN_EMAIL.into(), password: DRILL_PASSWORD.into(), ..LoginRequest::default() };
    let tokens = AuthServiceClient::new(services.auth.clone()).login(request).await?.into_inner().tokens;
    Ok(WithToken::new(&Token::parse(&tokens.ok_or("no tokens")?.access_token)?))
}

async fn register(services: &Services, number: usize) -> Result<NewUser, Failure> {
    let request = CreateUserRequest {
        name: "Ada".into(),
        email: format!("user-{number}@example.com"),
        password: DRILL_PASSWORD.into(),
        ..CreateUserRequest::default()
    };
    let created = UserServiceClient::new(services.auth.clone()).create_user(request).await?.into_inner();
    Ok(NewUser { id: created.user.ok_or("no user")?.id, tokens: created.tokens.ok_or("no tokens")? })
}
