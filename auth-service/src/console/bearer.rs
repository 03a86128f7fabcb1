//! Token of a call: given by the environment, or of a stored login, which is renewed when it expires.

use chrono::{DateTime, TimeDelta, Utc};
use gatepost::Token;
use gatepost::api::auth::v1::auth_service_client::AuthServiceClient;
use gatepost::api::auth::v1::{ErrorReason, RefreshTokenRequest, TokenPair};
use kit::Clock;
use kit::cli::{CommandFailure, FailureKind};
use tonic::transport::Channel;

use super::credentials::{CredentialFolder, StoredLogin};
use super::pace::bounded;
use super::refusal::{reason, refusal};

/// Remaining life below which an access token is renewed before a call.
const RENEWAL_MARGIN: TimeDelta = TimeDelta::seconds(30);

/// Token of a call.
#[derive(Debug)]
pub(super) enum Bearer {
    /// Token or API key from the environment.
    Given(Token),
    /// Stored login.
    Login(LoginBearer),
    /// Operator on the database, who needs no token.
    Operator,
}

/// Stored login at one service.
#[derive(Debug)]
pub(super) struct LoginBearer {
    pub(super) folder: CredentialFolder,
    /// URL of the service.
    pub(super) url: String,
    pub(super) channel: Channel,
    pub(super) clock: Clock,
}

impl Bearer {
    /// Returns the token of the next call.
    pub(super) async fn token(&self) -> Result<Option<Token>, CommandFailure> {
        match self {
            Self::Given(token) => Ok(Some(token.clone())),
            Self::Login(login) => login.token().await.map(Some),
            Self::Operator => Ok(None),
        }
    }

    /// Returns another token in place of a refused one; `None` if there is no other.
    pub(super) async fn renewed(&self, refused: &Token) -> Result<Option<Token>, CommandFailure> {
        match self {
            Self::Login(login) => login.renew(Some(refused)).await.map(Some),
            Self::Given(_) | Self::Operator => Ok(None),
        }
    }
}

impl LoginBearer {
    async fn token(&self) -> Result<Token, CommandFailure> {
        match self.valid(&self.stored(self.folder.read()?.logins.remove(&self.url))?, None) {
            Some(token) => Ok(token),
            None => self.renew(None).await,
        }
    }

    /// Renews the access token, unless another command has done so meanwhile. One command at a time sends the refresh
    /// token: a second use of it would end the session.
    async fn renew(&self, refused: Option<&Token>) -> Result<Token, CommandFailure> {
        let locked = self.folder.lock().await?;
        let mut credentials = locked.read()?;
        let login = self.stored(credentials.logins.remove(&self.url))?;
        if let Some(token) = self.valid(&login, refused) {
            return Ok(token);
        }
        let StoredLogin { refresh_token, audiences, .. } = login.clone();
        let mut auth = AuthServiceClient::new(self.channel.clone());
        let answer =
            bounded(RefreshTokenRequest { refresh_token, audiences }, |request| auth.refresh_token(request)).await;
        let tokens = match answer {
            Ok(answer) => answer.tokens.unwrap_or_default(),
            Err(status) => {
                return Err(match reason(&status) {
                    Some(ErrorReason::RefreshTokenInvalid | ErrorReason::RefreshTokenReused) => self.over(),
                    _ => refusal(&status, &self.url),
                });
            }
        };
        let renewed = with_tokens(login, tokens);
        let token = Token::parse(&renewed.access_token);
        credentials.logins.insert(self.url.clone(), renewed);
        locked.write(&credentials)?;
        token.map_err(|_| CommandFailure::refused(format!("{} has sent no valid token", self.url)))
    }

    /// Returns the stored access token if it lives long enough and is not the refused one.
    fn valid(&self, login: &StoredLogin, refused: Option<&Token>) -> Option<Token> {
        let expires = DateTime::from_timestamp(login.access_expire_time, 0).unwrap_or(DateTime::<Utc>::MIN_UTC);
        let token = Token::parse(&login.access_token).ok()?;
        (expires - self.clock.now() > RENEWAL_MARGIN && refused != Some(&token)).then_some(token)
    }

    fn stored(&self, login: Option<StoredLogin>) -> Result<StoredLogin, CommandFailure> {
        let text = format!("you are not logged in at {0}: run `login --auth-url {0}`", self.url);
        login.ok_or_else(|| CommandFailure::new(FailureKind::Unauthenticated, text))
    }

    fn over(&self) -> CommandFailure {
        let text = format!("the login at {0} is over: run `login --auth-url {0}`", self.url);
        CommandFailure::new(FailureKind::Unauthenticated, text)
    }
}

/// Puts the tokens into the login.
pub(super) fn with_tokens(login: StoredLogin, tokens: TokenPair) -> StoredLogin {
    StoredLogin {
        access_token: tokens.access_token,
        access_expire_time: tokens.access_expire_time.map_or(0, |time| time.seconds),
        refresh_token: tokens.refresh_token,
        ..login
    }
}
