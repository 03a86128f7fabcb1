//! Sessions to revoke, each of a different user, and every kind of revocation.

use gatepost::api::auth::v1::auth_service_client::AuthServiceClient;
use gatepost::api::auth::v1::session_service_client::SessionServiceClient;
use gatepost::api::auth::v1::token_service_client::TokenServiceClient;
use gatepost::api::auth::v1::user_service_client::UserServiceClient;
use gatepost::api::auth::v1::{
    CreateUserRequest, DeleteUserRequest, DisableUserRequest, LoginRequest, LogoutRequest, RevokeAllSessionsRequest,
    RevokeSessionRequest, VerifyTokenRequest,
};
use gatepost::{Token, WithToken};
use tonic::Status;
use tonic::transport::Channel;

use crate::Failure;
use crate::drill::{ADMIN_EMAIL, DRILL_PASSWORD};

/// A session of a user who has no other.
#[derive(Clone)]
pub struct RevocableSession {
    /// The session's access token.
    pub token: Token,
    user: String,
    id: String,
}

/// A kind of revocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevocationKind {
    /// `AuthService/Logout`.
    Logout,
    /// `SessionService/RevokeSession`.
    RevokeSession,
    /// `SessionService/RevokeAllSessions`.
    RevokeAllSessions,
    /// `UserService/DisableUser`, by the admin.
    DisableUser,
    /// `UserService/DeleteUser`.
    DeleteUser,
}

/// Registers a user, and returns the new session.
///
/// # Errors
/// Fails if the registration is refused.
pub async fn register(auth: &Channel, email: &str) -> Result<RevocableSession, Failure> {
    let request = CreateUserRequest {
        name: "Ada".into(),
        email: email.into(),
        password: DRILL_PASSWORD.into(),
        ..CreateUserRequest::default()
    };
    let created = UserServiceClient::new(auth.clone()).create_user(request).await?.into_inner();
    let token = Token::parse(&created.tokens.ok_or("no tokens")?.access_token)?;
    Ok(RevocableSession::of(auth, token).await?.ok_or("the token is not good")?)
}

impl RevocableSession {
    /// Returns the session of a token; `None` if the token is not good.
    ///
    /// # Errors
    /// Returns the auth service's status.
    pub async fn of(auth: &Channel, token: Token) -> Result<Option<Self>, Status> {
        let request = VerifyTokenRequest { token: token.expose().to_owned() };
        let answer = TokenServiceClient::new(auth.clone()).verify_token(request).await?;
        let claims = answer.into_inner().claims;
        Ok(claims.map(|claims| Self { token, user: claims.subject, id: claims.session_id }))
    }
}

/// Returns the admin's token.
///
/// # Errors
/// Fails if the login is refused.
pub async fn admin(auth: &Channel) -> Result<Token, Failure> {
    let request =
        LoginRequest { email: ADMIN_EMAIL.into(), password: DRILL_PASSWORD.into(), ..LoginRequest::default() };
    let tokens = AuthServiceClient::new(auth.clone()).login(request).await?.into_inner().tokens;
    Ok(Token::parse(&tokens.ok_or("no tokens")?.access_token)?)
}

impl RevocationKind {
    /// All kinds.
    pub const ALL: [Self; 5] =
        [Self::Logout, Self::RevokeSession, Self::RevokeAllSessions, Self::DisableUser, Self::DeleteUser];

    /// Revokes the session's token; the revocation is acknowledged when this returns.
    ///
    /// # Errors
    /// Returns the auth service's status.
    pub async fn of(self, session: &RevocableSession, auth: Channel, admin: &Token) -> Result<(), Status> {
        let own = WithToken::new(&session.token);
        match self {
            Self::Logout => AuthServiceClient::with_interceptor(auth, own).logout(LogoutRequest {}).await.map(drop),
            Self::RevokeSession => {
                let request = RevokeSessionRequest { id: session.id.clone() };
                SessionServiceClient::with_interceptor(auth, own).revoke_session(request).await.map(drop)
            }
            Self::RevokeAllSessions => {
                let request = RevokeAllSessionsRequest { user_id: session.user.clone() };
                SessionServiceClient::with_interceptor(auth, own).revoke_all_sessions(request).await.map(drop)
            }
            Self::DisableUser => {
                let request = DisableUserRequest { id: session.user.clone(), ..DisableUserRequest::default() };
                let admin = WithToken::new(admin);
                UserServiceClient::with_interceptor(auth, admin).disable_user(request).await.map(drop)
            }
            Self::DeleteUser => {
                let request = DeleteUserRequest { id: session.user.clone(), ..DeleteUserRequest::default() };
                UserServiceClient::with_interceptor(auth, own).delete_user(request).await.map(drop)
            }
        }
    }
}
