//! The auth service's side of a session: each refresh token is used once, and an answer can be lost.

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

/// The outcome of a request. Requests after the end of the script are answered.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fate {
    /// Makes and returns the next tokens.
    Answer,
    /// Makes the next tokens and loses the answer.
    Lose,
    /// Fails with this code.
    Fail(Code),
    /// Never answers.
    Silence,
    /// Answers after the test releases the request.
    Hold,
}

/// A session of the user `ada` with access tokens for ten minutes.
#[derive(Clone)]
pub(crate) struct Sessions(Arc<Shared>);

struct Shared {
    issuer: Auth,
    script: Mutex<VecDeque<Fate>>,
    /// Number of token pairs. The number is also the newest refresh token.
    made: watch::Sender<u32>,
    asked: watch::Sender<Vec<(String, Instant)>>,
    held: watch::Sender<bool>,
    is_over: Mutex<bool>,
}

pub(crate) const LIFE: Duration = Duration::from_mins(10);

impl Sessions {
    /// Creates a session with this issuer of access tokens and its clock.
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

    /// Makes the first tokens and returns a source that renews them.
    pub(crate) fn source(&self) -> TokenSource {
        let Shared { issuer, .. } = &*self.0;
        TokenSource::with_clock(self.channel(), self.make(), issuer.clock().clone(), issuer.time())
    }

    /// Returns a channel to the service.
    pub(crate) fn channel(&self) -> Channel {
        Memory::serving(AuthServiceServer::new(self.clone())).channel()
    }

    /// Waits for this number of requests and returns their refresh tokens.
    pub(crate) async fn asked(&self, count: usize) -> Vec<String> {
        let mut asked = self.0.asked.subscribe();
        // With the paused clock this limit takes no real time.
        let enough = timeout(Duration::from_hours(2), asked.wait_for(|asked| asked.len() >= count)).await;
        let asked = enough.unwrap_or_else(|_| panic!("expected {count} requests, got {}", self.count())).unwrap();
        asked.iter().map(|(token, _)| token.clone()).collect()
    }

    /// Returns the number of requests.
    pub(crate) fn count(&self) -> usize {
        self.0.asked.borrow().len()
    }

    /// Returns the times of the requests since the first one.
    pub(crate) fn times(&self) -> Vec<Duration> {
        let asked = self.0.asked.borrow();
        asked.iter().map(|(_, at)| *at - asked[0].1).collect()
    }

    /// Releases held requests.
    pub(crate) fn release(&self) {
        self.0.held.send_replace(false);
    }

    /// Ends the session, as a logout does.
    pub(crate) fn end(&self) {
        *self.0.is_over.lock().unwrap() = true;
        self.0.issuer.revoke_session("of-ada");
    }

    /// Makes the session's next tokens.
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

    /// Refreshes like the real service: rotates the current token, and repeats the answer for its parent. Any other
    /// token ends the session.
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
