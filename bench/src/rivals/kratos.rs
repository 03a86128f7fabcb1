//! Ory Kratos: logins by password, and questions about its sessions.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use http::{HeaderName, Method};
use serde_json::json;
use tokio::task::block_in_place;
use tonic::{Status, async_trait};

use super::RivalSettings;
use super::http::{HttpCaller, HttpRequest};
use super::process::{RivalProcess, free_address, port};
use super::work::{OpenSession, RivalCall, RivalServer, RunningRival, Work};
use crate::Failure;
use crate::load::{CallFuture, LoadCall, NEW_USER_PASSWORD};

/// Secrets of cookies and ciphers, for the benchmark alone.
const SECRET: &str = "a secret with 32 characters here";

/// The program with its settings.
pub(super) struct Kratos {
    folder: PathBuf,
}

impl Kratos {
    /// Returns the program that was built into this folder.
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    fn command(&self, folder: &Path) -> Command {
        let mut command = Command::new(self.folder.join("kratos"));
        command.current_dir(&self.folder);
        command.env("DSN", format!("sqlite://{}?_fk=true", folder.join("kratos.db").display()));
        command.env("SECRETS_COOKIE", SECRET).env("SECRETS_CIPHER", SECRET);
        command
    }
}

#[async_trait]
impl RivalServer for Kratos {
    async fn start(&self, folder: &Path) -> Result<RunningRival, Failure> {
        if !folder.join("kratos.db").exists() {
            let mut command = self.command(folder);
            let output = block_in_place(|| command.args(["migrate", "sql", "-e", "--yes"]).output())?;
            if !output.status.success() {
                return Err(format!("Kratos creates no database: {}", output.status).into());
            }
        }
        let (began, public, admin) = (Instant::now(), free_address()?, free_address()?);
        let mut command = self.command(folder);
        for (name, address) in [("PUBLIC", &public), ("ADMIN", &admin)] {
            command.env(format!("SERVE_{name}_HOST"), "127.0.0.1").env(format!("SERVE_{name}_PORT"), port(address)?);
            command.env(format!("SERVE_{name}_BASE_URL"), format!("http://{address}/"));
        }
        command.args(["serve", "--config", "kratos.yaml", "--sqa-opt-out"]);
        let mut process = RivalProcess::spawn_quiet(command, &folder.join("log"))?;
        let asking = HttpCaller::new(&public);
        let ask = || async { asking.send(HttpRequest::get("/health/ready")).await.map(drop).map_err(Into::into) };
        process.first_answer(ask).await?;
        let took = began.elapsed();
        Ok(RunningRival { processes: vec![process], backends: Vec::new(), addresses: vec![public], took })
    }

    async fn prepare(&self, running: &RunningRival, settings: &RivalSettings) -> Result<Work, Failure> {
        let address = running.address(0)?;
        let setup = HttpCaller::new(address);
        let (mut work, mut logins) = (Work::default(), Vec::new());
        for (number, caller) in HttpCaller::several(address, settings.users).into_iter().enumerate() {
            let email = email(number);
            let flow = setup.send(HttpRequest::get("/self-service/registration/api")).await?.text("/id")?;
            let user = json!({ "method": "password", "password": NEW_USER_PASSWORD, "traits": { "email": email } });
            setup.send(HttpRequest::post(format!("/self-service/registration?flow={flow}"), &user)).await?;
            logins.push(Arc::new(move || {
                let (caller, email) = (caller.clone(), email.clone());
                Some(Box::pin(async move { log_in(&caller, &email).await.map(drop) }) as CallFuture<()>)
            }) as LoadCall);
        }
        let token = log_in(&setup, &email(0)).await?;
        let callers = HttpCaller::several(address, settings.callers);
        let verifies = callers.iter().map(|caller| Ok(caller.repeat(whoami(&token)?)));
        work.calls.insert(RivalCall::Verify, verifies.collect::<Result<_, Failure>>()?);
        work.calls.insert(RivalCall::Login, logins);
        work.new_session = Some(Arc::new(move || {
            let caller = setup.clone();
            Box::pin(async move {
                let token = log_in(&caller, &email(0)).await?;
                let request = whoami(&token).map_err(|failure| Status::internal(failure.to_string()))?;
                let ask = caller.repeat(request);
                let end = HttpRequest::new(Method::DELETE, "/self-service/logout/api");
                let end = end.json(&json!({ "session_token": token }));
                Ok(OpenSession { end: Box::pin(async move { caller.send(end).await.map(drop) }), ask })
            })
        }));
        Ok(work)
    }
}

fn email(number: usize) -> String {
    format!("user{number}@example.com")
}

/// Logs a user in: a flow is opened, then its password is sent. Returns the session's token.
async fn log_in(caller: &HttpCaller, email: &str) -> Result<String, Status> {
    let flow = caller.send(HttpRequest::get("/self-service/login/api")).await?.text("/id")?;
    let user = json!({ "method": "password", "identifier": email, "password": NEW_USER_PASSWORD });
    caller.send(HttpRequest::post(format!("/self-service/login?flow={flow}"), &user)).await?.text("/session_token")
}

/// Returns the question about a session.
fn whoami(token: &str) -> Result<HttpRequest, Failure> {
    Ok(HttpRequest::get("/sessions/whoami").with(HeaderName::from_static("x-session-token"), token.parse()?))
}
