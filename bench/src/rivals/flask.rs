//! A tutorial's system: Flask, its mapper on SQLite, and tokens that are valid until they expire.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use serde_json::json;
use tonic::async_trait;

use super::RivalSettings;
use super::http::{HttpCaller, HttpRequest};
use super::process::{RivalProcess, free_address};
use super::work::{OpenSession, RivalCall, RivalServer, RunningRival, Work};
use crate::Failure;
use crate::load::{CONTENT_BYTES, LoadCall, NEW_USER_PASSWORD, PostIds};

/// The system in this folder: a virtual environment and the application.
pub(super) struct Flask {
    folder: PathBuf,
}

impl Flask {
    /// Returns the system that was built into this folder.
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }
}

#[async_trait]
impl RivalServer for Flask {
    async fn start(&self, folder: &Path) -> Result<RunningRival, Failure> {
        let (began, address) = (Instant::now(), free_address()?);
        let mut command = Command::new(self.folder.join("venv/bin/gunicorn"));
        // A worker for each core, with threads, because the plain worker closes each connection after its answer.
        command.args(["--workers", "2", "--worker-class", "gthread", "--threads", "16", "--keep-alive", "75"]);
        command.args(["--bind", &address, "--chdir"]).arg(&self.folder).arg("app:app");
        command
            .env("JWT_SECRET_KEY", "a secret of the benchmark alone, with 256 bits")
            .env("DATABASE", folder.join("app.db"));
        let mut process = RivalProcess::spawn_quiet(command, &folder.join("log"))?;
        let asking = HttpCaller::new(&address);
        process
            .first_answer(|| async { asking.send(HttpRequest::get("/health")).await.map(drop).map_err(Into::into) })
            .await?;
        Ok(RunningRival {
            processes: vec![process],
            backends: Vec::new(),
            addresses: vec![address],
            took: began.elapsed(),
        })
    }

    async fn prepare(&self, running: &RunningRival, settings: &RivalSettings) -> Result<Work, Failure> {
        let address = running.address(0)?;
        let setup = HttpCaller::new(address);
        let mut logins = Vec::new();
        for (number, caller) in HttpCaller::several(address, settings.users).iter().enumerate() {
            let user = json!({ "username": format!("user{number}"), "password": NEW_USER_PASSWORD });
            setup.send(HttpRequest::post("/register", &user)).await?;
            logins.push(caller.repeat(HttpRequest::post("/login", &user)));
        }
        let token = log_in(&setup).await?;
        let mut ids = Vec::new();
        for _ in 0..settings.posts {
            let post = json!({ "title": "Post", "content": "a".repeat(CONTENT_BYTES) });
            ids.push(setup.send(HttpRequest::post("/posts", &post).bearer(&token)?).await?.text("/id")?);
        }
        let ids = Arc::new(PostIds::new(ids, settings.seed)?);
        let mut work = Work::default();
        let callers = HttpCaller::several(address, settings.callers);
        work.calls.insert(
            RivalCall::Read,
            callers.iter().map(|caller| read(caller, &token, &ids)).collect::<Result<_, _>>()?,
        );
        let public = |caller: &HttpCaller| {
            let ids = Arc::clone(&ids);
            caller.calls(move || HttpRequest::get(format!("/public/posts/{}", ids.one())))
        };
        work.calls.insert(RivalCall::PublicRead, callers.iter().map(public).collect());
        work.calls.insert(RivalCall::Login, logins);
        work.new_session = Some(Arc::new(move || {
            let (caller, ids) = (setup.clone(), Arc::clone(&ids));
            Box::pin(async move {
                let token = log_in(&caller).await?;
                let ask = read(&caller, &token, &ids).map_err(|failure| tonic::Status::unknown(failure.to_string()))?;
                // The tutorial has no logout: the client forgets its token.
                Ok(OpenSession { end: Box::pin(async { Ok(()) }), ask })
            })
        }));
        Ok(work)
    }
}

/// Returns the token of a new login of the first user.
async fn log_in(caller: &HttpCaller) -> Result<String, tonic::Status> {
    let user = json!({ "username": "user0", "password": NEW_USER_PASSWORD });
    caller.send(HttpRequest::post("/login", &user)).await?.text("/token")
}

/// Returns guarded reads of random posts.
fn read(caller: &HttpCaller, token: &str, ids: &Arc<PostIds>) -> Result<LoadCall, Failure> {
    let (ids, guarded) = (Arc::clone(ids), HttpRequest::get("/").bearer(token)?);
    Ok(caller.calls(move || guarded.clone().at(format!("/posts/{}", ids.one()))))
}
