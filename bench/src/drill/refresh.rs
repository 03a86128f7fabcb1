//! `bench drill refresh`: one session is refreshed again and again, while answers get lost and the pair is killed.

use std::path::Path;
use std::time::Duration;

use gatepost::api::auth::v1::auth_service_client::AuthServiceClient;
use gatepost::api::auth::v1::session_service_client::SessionServiceClient;
use gatepost::api::auth::v1::user_service_client::UserServiceClient;
use gatepost::api::auth::v1::{CreateUserRequest, ListSessionsRequest, RefreshTokenRequest, TokenPair};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};
use tonic::transport::Channel;
use tonic::{Code, Request};

use super::{Answer, Broken, DRILL_PASSWORD, DRILL_SETTINGS, Random, Report};
use crate::Failure;
use crate::services::Services;

/// The answer may be lost in one of this many rounds. The service's grace allows this rate.
const ROUNDS_PER_LOSS: usize = 4;

/// The pair is killed in one of this many rounds.
const ROUNDS_PER_KILL: usize = 100;

/// Time limit of a client's retries after a fault: less than the grace.
const RETRY_TIMEOUT: Duration = Duration::from_secs(30);

/// Fate of a round's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lost {
    /// The answer is not lost.
    No,
    /// The answer arrives, and the client forgets it.
    Forgotten,
    /// The client gives up before the answer arrives.
    Canceled,
    /// Two tabs ask at once.
    TwoTabs,
    /// The pair is killed.
    Killed,
}

/// The client, and the answers for its current token.
struct RefreshClient {
    auth: Channel,
    /// The current token, as the client knows it.
    token: String,
    access_token: String,
    /// The two tokens before it, the older one first.
    used: [String; 2],
    /// The successors of the current token that the answers named. Two different successors mean two live branches.
    successors: Vec<TokenPair>,
}

/// Refreshes this many times. Checks after each round that the token has one successor, and that the client can
/// continue.
///
/// # Errors
/// Fails if the drill itself cannot continue.
pub async fn run(program: &Path, rounds: usize, seed: u64) -> Result<Report, Failure> {
    let folder = tempfile::tempdir()?;
    let (mut report, mut random) = (Report::default(), Random::new(seed));
    let mut services = start(program, folder.path()).await?;
    let mut client = RefreshClient::register(&services).await?;
    let (mut lost, mut kills) = (0, 0);
    for round in 1..=rounds {
        let fault = choose_loss(round, &mut random);
        lost += usize::from(fault != Lost::No);
        match fault {
            Lost::No => {}
            Lost::Forgotten => client.refresh_at_once(1).await?,
            Lost::TwoTabs => client.refresh_at_once(2).await?,
            Lost::Canceled => drop(timeout(random.millis(0, 4), client.refresh_call()).await),
            Lost::Killed => {
                let request = client.refresh_in_background();
                sleep(random.millis(0, 4)).await;
                services.kill()?;
                request.abort();
                services = start(program, folder.path()).await?;
                client.auth = services.auth.clone();
                kills += 1;
            }
        }
        if let Err(broken) = client.refresh_until_answered().await {
            report.broken.push(Broken::new(
                "a client continues within the grace",
                format!("round {round}, {fault:?}: {broken}"),
            ));
            break;
        }
        if let Some(broken) = client.accept_successor() {
            report
                .broken
                .push(Broken::new("a session has one live branch", format!("round {round}, {fault:?}: {broken}")));
            break;
        }
    }
    if report.broken.is_empty() && rounds >= 2 {
        report.broken.extend(client.end().await?);
    }
    services.stop()?;
    report.row("rounds", rounds);
    report.row("answers lost", format!("{lost}, {kills} of them by a kill"));
    Ok(report)
}

async fn start(program: &Path, folder: &Path) -> Result<Services, Failure> {
    Services::pair(program, folder, |command| command.envs(DRILL_SETTINGS)).await
}

/// Chooses what happens to this round's answer: at random, except for the kills.
fn choose_loss(round: usize, random: &mut Random) -> Lost {
    match round {
        _ if round.is_multiple_of(ROUNDS_PER_KILL) => Lost::Killed,
        _ if round.is_multiple_of(ROUNDS_PER_LOSS) => {
            random.one_of(&[Lost::No, Lost::Forgotten, Lost::Canceled, Lost::Canceled, Lost::TwoTabs])
        }
        _ => Lost::No,
    }
}

/// Asks for the successor of a token.
async fn refresh(auth: Channel, token: String) -> Result<TokenPair, Answer> {
    let mut request = Request::new(RefreshTokenRequest { refresh_token: token, ..RefreshTokenRequest::default() });
    request.set_timeout(Duration::from_secs(5));
    let answer = AuthServiceClient::new(auth).refresh_token(request).await.map_err(|status| Answer::of(&status))?;
    Ok(answer.into_inner().tokens.unwrap_or_default())
}

impl RefreshClient {
    async fn register(services: &Services) -> Result<Self, Failure> {
        let request = CreateUserRequest {
            name: "Ada".into(),
            email: "ada@example.com".into(),
            password: DRILL_PASSWORD.into(),
            ..CreateUserRequest::default()
        };
        let created = UserServiceClient::new(services.auth.clone()).create_user(request).await?.into_inner();
        let TokenPair { access_token, refresh_token, .. } = created.tokens.ok_or("no tokens")?;
        Ok(Self {
            auth: services.auth.clone(),
            token: refresh_token,
            access_token,
            used: Default::default(),
            successors: Vec::new(),
        })
    }

    fn refresh_call(&self) -> impl Future<Output = Result<TokenPair, Answer>> + use<> {
        refresh(self.auth.clone(), self.token.clone())
    }

    /// Refreshes without waiting for the answer.
    fn refresh_in_background(&self) -> AbortHandle {
        tokio::spawn(self.refresh_call()).abort_handle()
    }

    /// Refreshes this many times at once. The answers are used only for the check.
    async fn refresh_at_once(&mut self, times: usize) -> Result<(), Failure> {
        let calls: JoinSet<_> = (0..times).map(|_| self.refresh_call()).collect();
        for answer in calls.join_all().await {
            self.successors.push(answer.map_err(|answer| format!("{answer}, {}", answer.message))?);
        }
        Ok(())
    }

    /// Refreshes until there is an answer. Repeats the call after `UNAVAILABLE` and `DEADLINE_EXCEEDED`.
    async fn refresh_until_answered(&mut self) -> Result<(), String> {
        let request = async {
            loop {
                match self.refresh_call().await {
                    Ok(tokens) => return Ok(tokens),
                    Err(answer) if matches!(answer.code, Code::Unavailable | Code::DeadlineExceeded) => {
                        sleep(Duration::from_millis(20)).await;
                    }
                    Err(answer) => return Err(format!("{answer}, {}", answer.message)),
                }
            }
        };
        let tokens = timeout(RETRY_TIMEOUT, request).await.map_err(|_| "no answer".to_owned())??;
        self.successors.push(tokens);
        Ok(())
    }

    /// Makes the successor the current token. Returns a sentence if the answers named two successors.
    fn accept_successor(&mut self) -> Option<String> {
        let last = self.successors.last()?.clone();
        let others = self.successors.iter().filter(|tokens| tokens.refresh_token != last.refresh_token).count();
        let count = self.successors.len();
        self.successors.clear();
        if others > 0 || last.refresh_token == self.token {
            return Some(format!("{others} of {count} answers had another successor"));
        }
        self.used.rotate_left(1);
        self.used[1] = std::mem::replace(&mut self.token, last.refresh_token);
        self.access_token = last.access_token;
        None
    }

    /// Checks the end: one session, and an old token that ends it.
    async fn end(&self) -> Result<Vec<Broken>, Failure> {
        let mut broken = Vec::new();
        let mut request = Request::new(ListSessionsRequest::default());
        request.metadata_mut().insert("api-token", self.access_token.parse()?);
        let listed = SessionServiceClient::new(self.auth.clone()).list_sessions(request).await?.into_inner();
        if listed.sessions.len() != 1 {
            broken.push(Broken::new("a session has one row", format!("{} rows", listed.sessions.len())));
        }
        let [older, _] = &self.used;
        for (token, wanted) in [(older, "REFRESH_TOKEN_REUSED"), (&self.token, "REFRESH_TOKEN_INVALID")] {
            let reason = refresh(self.auth.clone(), token.clone()).await.err().map(|answer| answer.reason);
            if reason.as_deref() != Some(wanted) {
                broken.push(Broken::new("an older token ends the session", format!("{reason:?} and not {wanted}")));
            }
        }
        Ok(broken)
    }
}
