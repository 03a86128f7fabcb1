//! `PocketBase` with its own users and two collections of posts, one for users and one for everyone.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use http::Method;
use serde_json::json;
use tokio::task::block_in_place;
use tonic::{Status, async_trait};

use super::RivalSettings;
use super::http::{HttpCaller, HttpRequest};
use super::process::{RivalProcess, free_address};
use super::work::{OpenSession, RivalCall, RivalServer, RunningRival, Work};
use crate::Failure;
use crate::load::{CONTENT_BYTES, LoadCall, NEW_USER_PASSWORD, PostIds};

/// Email of the superuser, who creates the collections.
const SUPERUSER: &str = "admin@example.com";

/// Paths of the users' calls.
const LOGIN: &str = "/api/collections/users/auth-with-password";
const REFRESH: &str = "/api/collections/users/auth-refresh";

/// The program.
pub(super) struct PocketBase {
    program: PathBuf,
}

impl PocketBase {
    /// Returns the program that was built into this folder.
    pub(super) fn new(folder: &Path) -> Self {
        Self { program: folder.join("pocketbase") }
    }

    fn command(&self, folder: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--dir").arg(folder.join("data"));
        command
    }
}

#[async_trait]
impl RivalServer for PocketBase {
    async fn start(&self, folder: &Path) -> Result<RunningRival, Failure> {
        if !folder.join("data").exists() {
            let mut command = self.command(folder);
            command.args(["superuser", "upsert", SUPERUSER, NEW_USER_PASSWORD]);
            let output = block_in_place(|| command.output())?;
            if !output.status.success() {
                return Err(format!("PocketBase creates no superuser: {}", output.status).into());
            }
        }
        let (began, address) = (Instant::now(), free_address()?);
        let mut command = self.command(folder);
        command.args(["serve", "--http", &address]);
        let mut process = RivalProcess::spawn_quiet(command, &folder.join("log"))?;
        let asking = HttpCaller::new(&address);
        let ask = || async { asking.send(HttpRequest::get("/api/health")).await.map(drop).map_err(Into::into) };
        process.first_answer(ask).await?;
        let took = began.elapsed();
        Ok(RunningRival { processes: vec![process], backends: Vec::new(), addresses: vec![address], took })
    }

    async fn prepare(&self, running: &RunningRival, settings: &RivalSettings) -> Result<Work, Failure> {
        let address = running.address(0)?;
        let setup = HttpCaller::new(address);
        let superuser = json!({ "identity": SUPERUSER, "password": NEW_USER_PASSWORD });
        let login = HttpRequest::post("/api/collections/_superusers/auth-with-password", &superuser);
        let admin = setup.send(login).await?.text("/token")?;
        let guarded = collect(&setup, &admin, "posts", "@request.auth.id != ''", settings).await?;
        let public = collect(&setup, &admin, "public_posts", "", settings).await?;
        let mut work = Work::default();
        let (mut logins, mut refreshes, mut token) = (Vec::new(), Vec::new(), String::new());
        for (number, caller) in HttpCaller::several(address, settings.users).iter().enumerate() {
            let email = format!("user{number}@example.com");
            let user = json!({ "email": email, "password": NEW_USER_PASSWORD, "passwordConfirm": NEW_USER_PASSWORD });
            let request = HttpRequest::post("/api/collections/users/records", &user).bearer(&admin)?;
            setup.send(request).await?;
            let login = log_in(&email);
            token = caller.send(login.clone()).await?.text("/token")?;
            logins.push(caller.repeat(login));
            refreshes.push(caller.repeat(HttpRequest::new(Method::POST, REFRESH).bearer(&token)?));
        }
        let callers = HttpCaller::several(address, settings.callers);
        let reads = callers.iter().map(|caller| read(caller, &token, &guarded)).collect::<Result<_, _>>()?;
        work.calls.insert(RivalCall::Read, reads);
        let anyone = |caller: &HttpCaller| {
            let ids = Arc::clone(&public);
            caller.calls(move || HttpRequest::get(record("public_posts", &ids.one())))
        };
        work.calls.insert(RivalCall::PublicRead, callers.iter().map(anyone).collect());
        work.calls.insert(RivalCall::Login, logins);
        work.calls.insert(RivalCall::Refresh, refreshes);
        work.new_session = Some(Arc::new(move || {
            let (caller, admin, ids) = (setup.clone(), admin.clone(), Arc::clone(&guarded));
            Box::pin(async move {
                open_session(&caller, &admin, &ids).await.map_err(|failure| Status::unknown(failure.to_string()))
            })
        }));
        Ok(work)
    }
}

/// Creates a collection with this rule for reads, and its posts. Returns choices among them.
async fn collect(
    setup: &HttpCaller,
    admin: &str,
    name: &str,
    rule: &str,
    settings: &RivalSettings,
) -> Result<Arc<PostIds>, Failure> {
    let fields = json!([{ "name": "title", "type": "text" }, { "name": "content", "type": "text" }]);
    let collection = json!({ "name": name, "type": "base", "viewRule": rule, "fields": fields });
    setup.send(HttpRequest::post("/api/collections", &collection).bearer(admin)?).await?;
    let post = json!({ "title": "Post", "content": "a".repeat(CONTENT_BYTES) });
    let create = HttpRequest::post(format!("/api/collections/{name}/records"), &post).bearer(admin)?;
    let mut ids = Vec::new();
    for _ in 0..settings.posts {
        ids.push(setup.send(create.clone()).await?.text("/id")?);
    }
    Ok(Arc::new(PostIds::new(ids, settings.seed)?))
}

fn record(collection: &str, id: &str) -> String {
    format!("/api/collections/{collection}/records/{id}")
}

fn log_in(email: &str) -> HttpRequest {
    HttpRequest::post(LOGIN, &json!({ "identity": email, "password": NEW_USER_PASSWORD }))
}

/// Returns guarded reads of random posts.
fn read(caller: &HttpCaller, token: &str, ids: &Arc<PostIds>) -> Result<LoadCall, Failure> {
    let (ids, guarded) = (Arc::clone(ids), HttpRequest::get("/").bearer(token)?);
    Ok(caller.calls(move || guarded.clone().at(record("posts", &ids.one()))))
}

/// Logs the first user in. Tokens cannot be ended one by one: a new password ends all of the user's tokens.
async fn open_session(caller: &HttpCaller, admin: &str, ids: &Arc<PostIds>) -> Result<OpenSession, Failure> {
    let answer = caller.send(log_in("user0@example.com")).await?;
    let (token, user) = (answer.text("/token")?, answer.text("/record/id")?);
    let ask = read(caller, &token, ids)?;
    let password = json!({ "password": NEW_USER_PASSWORD, "passwordConfirm": NEW_USER_PASSWORD });
    let change = HttpRequest::new(Method::PATCH, record("users", &user)).json(&password).bearer(admin)?;
    let caller = caller.clone();
    Ok(OpenSession { end: Box::pin(async move { caller.send(change).await.map(drop) }), ask })
}
