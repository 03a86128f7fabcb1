//! The auth service as a client's session knows it: each refresh token is used once, and an answer can be lost.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gatepost::api::auth::v1::auth_service_server::{AuthService, AuthServiceServer};
use gatepost::api::auth::v1::{
    ErrorReason, LoginRequest, LoginResponse, LogoutRequest, LogoutResponse, RefreshTokenRequest, RefreshTokenResponse,
    TokenPair,
};
use gatepost::status::status;
use gatepost::testing::Auth;
use gatepost::{Identity, TokenSource};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use tonic::transport::Channel;
use tonic::{Code, Request, Response, Status};

use super::Memory;

/// What becomes of a question; after the script each one is answered.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fate {
    /// The next tokens are made and answered.
    Answer,
    /// They are made, and the answer is lost.
    Lose,
    /// Nothing happens, and the answer is this one.
    Fail(Code),
    /// Nothing happens, and there is no answer.
    Silence,
    /// Nothing happens until the test lets it go on; then it is answered.
    Hold,
}

/// One session of the user `ada`, whose access tokens live for ten minutes.
#[derive(Clone)]
pub(crate) struct Sessions(Arc<Shared>);

struct Shared {
    issuer: Auth,
    script: Mutex<VecDeque<Fate>>,
    /// How many pairs have been made; the refresh token is that number.
    made: watch::Sender<u32>,
    asked: watch::Sender<Vec<(String, Instant)>>,
    held: watch::Sender<bool>,
    is_over: Mutex<bool>,
}

pub(crate) const LIFE: Duration = Duration::from_mins(10);

impl Sessions {
    /// Access tokens come from this issuer, and its clock is theirs.
    pub(crate) fn new(issuer: &Auth, script: impl IntoIterator<Item = Fate>) -> Self {
        Self(Arc::new(Shared {
            issuer: issuer.clone(),
            script: Mutex::new(script.into_iter().collect()),
            made: watch::Sender::default(),
            asked: watch::Sender::default(),
            held: watch::Sender::new(true),
            is_over: Mutex::default(),
        }))
    }

    /// Its first tokens, and a source that renews them.
    pub(crate) fn source(&self) -> TokenSource {
        let Shared { issuer, .. } = &*self.0;
        TokenSource::new_by(self.channel(), self.make(), issuer.clock().clone(), issuer.time())
    }

    /// Where it is asked.
    pub(crate) fn channel(&self) -> Channel {
        Memory::serving(AuthServiceServer::new(self.clone())).channel()
    }

    /// Waits until there have been so many questions: their refresh tokens.
    pub(crate) async fn asked(&self, count: usize) -> Vec<String> {
        let mut asked = self.0.asked.subscribe();
        // The time that stands in these tests is not waited for.
        let enough = timeout(Duration::from_hours(2), asked.wait_for(|asked| asked.len() >= count)).await;
        let asked = enough.unwrap_or_else(|_| panic!("{count} questions, and not {}", self.count())).unwrap();
        asked.iter().map(|(token, _)| token.clone()).collect()
    }

    /// How many questions there have been.
    pub(crate) fn count(&self) -> usize {
        self.0.asked.borrow().len()
    }

    /// How long after the first question each one came.
    pub(crate) fn times(&self) -> Vec<Duration> {
        let asked = self.0.asked.borrow();
        asked.iter().map(|(_, at)| *at - asked[0].1).collect()
    }

    /// Lets what is held go on.
    pub(crate) fn release(&self) {
        self.0.held.send_replace(false);
    }

    /// Ends the session: a logout.
    pub(crate) fn end(&self) {
        *self.0.is_over.lock().unwrap() = true;
        self.0.issuer.revoke_session("of-ada");
    }

    /// The session's next tokens.
    pub(crate) fn make(&self) -> TokenPair {
        let Shared { issuer, made, .. } = &*self.0;
        made.send_modify(|made| *made += 1);
        let refresh = made.borrow().to_string();
        Self::pair(refresh, issuer)
    }

    fn pair(refresh_token: String, issuer: &Auth) -> TokenPair {
        let end = issuer.time() + LIFE;
        let access = issuer.issue(Identity::user("ada").session("of-ada").expire_time(end));
        TokenPair {
            access_token: access.expose().to_owned(),
            access_expire_time: Some(end.into()),
            refresh_token,
            refresh_expire_time: None,
        }
    }

    /// As the real one: the current token is used up, its parent is answered again, and any other ends the session.
    fn refresh(&self, presented: &str) -> Result<TokenPair, Status> {
        let made = *self.0.made.borrow();
        let over = |reason| Err(status(Code::Unauthenticated, reason, "log in again"));
        match presented.parse::<u32>() {
            _ if *self.0.is_over.lock().unwrap() => over(ErrorReason::RefreshTokenInvalid),
            Ok(number) if number == made => Ok(self.make()),
            Ok(number) if number + 1 == made => Ok(Self::pair(made.to_string(), &self.0.issuer)),
            Ok(_) => {
                self.end();
                over(ErrorReason::RefreshTokenReused)
            }
            Err(_) => over(ErrorReason::RefreshTokenInvalid),
        }
    }
}

#[tonic::async_trait]
impl AuthService for Sessions {
    async fn refresh_token(
        &self,
        request: Request<RefreshTokenRequest>,
    ) -> Result<Response<RefreshTokenResponse>, Status> {
        let presented = request.into_inner().refresh_token;
        self.0.asked.send_modify(|asked| asked.push((presented.clone(), Instant::now())));
        let fate = self.0.script.lock().unwrap().pop_front().unwrap_or(Fate::Answer);
        match fate {
            Fate::Answer => {}
            Fate::Lose => {
                self.refresh(&presented)?;
                return Err(Status::unavailable("the answer is lost"));
            }
            Fate::Fail(code) => return Err(Status::new(code, "not now")),
            Fate::Silence => std::future::pending().await,
            Fate::Hold => drop(self.0.held.subscribe().wait_for(|held| !held).await),
        }
        let tokens = Some(self.refresh(&presented)?);
        Ok(Response::new(RefreshTokenResponse { tokens }))
    }

    async fn login(&self, _: Request<LoginRequest>) -> Result<Response<LoginResponse>, Status> {
        Err(Status::unimplemented("a source does not log in"))
    }

    async fn logout(&self, _: Request<LogoutRequest>) -> Result<Response<LogoutResponse>, Status> {
        Err(Status::unimplemented("a source does not log out"))
    }
}
