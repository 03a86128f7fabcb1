//! Keycloak with its embedded database: logins by password, refreshes, and questions about tokens.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};
use tonic::{Status, async_trait};

use super::RivalSettings;
use super::http::{HttpCaller, HttpRequest};
use super::process::{RivalProcess, free_address, port};
use super::work::{OpenSession, RivalCall, RivalServer, RunningRival, Work};
use crate::Failure;
use crate::load::NEW_USER_PASSWORD;

/// Name of the administrator, and of the client that asks about tokens.
const ADMIN: &str = "admin";
const CLIENT: &str = "bench";

/// Secret of the client, for the benchmark alone.
const SECRET: &str = "a secret of the benchmark alone";

/// Folder of the realm's calls.
const REALM: &str = "/realms/bench/protocol/openid-connect";

/// The distribution.
pub(super) struct Keycloak {
    folder: PathBuf,
}

impl Keycloak {
    /// Returns the distribution that was unpacked into this folder.
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }
}

#[async_trait]
impl RivalServer for Keycloak {
    async fn start(&self, folder: &Path) -> Result<RunningRival, Failure> {
        let (began, address, management) = (Instant::now(), free_address()?, free_address()?);
        let mut command = Command::new(self.folder.join("keycloak/bin/kc.sh"));
        command.args([
            "start",
            "--optimized",
            "--http-enabled=true",
            "--http-host=127.0.0.1",
            "--hostname-strict=false",
        ]);
        command.args(["--cache=local"]);
        command.args([&format!("--http-port={}", port(&address)?), "--log-level=warn"]);
        command.args([&format!("--http-management-port={}", port(&management)?)]);
        let database = folder.join("database").display().to_string();
        command.arg(format!("--db-url=jdbc:h2:file:{database};NON_KEYWORDS=VALUE"));
        command.env("KC_BOOTSTRAP_ADMIN_USERNAME", ADMIN).env("KC_BOOTSTRAP_ADMIN_PASSWORD", NEW_USER_PASSWORD);
        let mut process = RivalProcess::spawn_quiet(command, &folder.join("log"))?;
        let asking = HttpCaller::new(&address);
        let ask = || async { asking.send(HttpRequest::get("/realms/master")).await.map(drop).map_err(Into::into) };
        process.first_answer(ask).await?;
        let took = began.elapsed();
        Ok(RunningRival { processes: vec![process], backends: Vec::new(), addresses: vec![address], took })
    }

    async fn prepare(&self, running: &RunningRival, settings: &RivalSettings) -> Result<Work, Failure> {
        let address = running.address(0)?;
        let setup = HttpCaller::new(address);
        let login = [
            ("grant_type", "password"),
            ("client_id", "admin-cli"),
            ("username", ADMIN),
            ("password", NEW_USER_PASSWORD),
        ];
        let login = HttpRequest::form("/realms/master/protocol/openid-connect/token", login);
        let admin = setup.send(login).await?.text("/access_token")?;
        setup.send(HttpRequest::post("/admin/realms", &realm(settings.users)).bearer(&admin)?).await?;
        let (mut work, mut logins, mut refreshes) = (Work::default(), Vec::new(), Vec::new());
        let mut token = String::new();
        for (number, caller) in HttpCaller::several(address, settings.users).iter().enumerate() {
            let request = log_in(&user(number))?;
            let answer = caller.send(request.clone()).await?;
            token = answer.text("/access_token")?;
            logins.push(caller.repeat(request));
            let refresh = answer.text("/refresh_token")?;
            let form = [("grant_type", "refresh_token"), ("refresh_token", refresh.as_str())];
            refreshes.push(caller.repeat(HttpRequest::form(format!("{REALM}/token"), form).basic(CLIENT, SECRET)?));
        }
        let question = introspection(&token)?;
        let callers = HttpCaller::several(address, settings.callers);
        let verifies = callers.iter().map(|caller| caller.introspect(question.clone()));
        work.calls.insert(RivalCall::Verify, verifies.collect());
        work.calls.insert(RivalCall::Login, logins);
        work.calls.insert(RivalCall::Refresh, refreshes);
        work.new_session = Some(Arc::new(move || {
            let caller = setup.clone();
            Box::pin(async move { open_session(caller).await.map_err(|failure| Status::unknown(failure.to_string())) })
        }));
        Ok(work)
    }
}

/// Returns a realm with the users and the client.
fn realm(users: usize) -> Value {
    let users: Vec<_> = (0..users)
        .map(|number| {
            json!({
                "username": user(number),
                "email": format!("{}@example.com", user(number)),
                "firstName": "Ada",
                "lastName": "Lovelace",
                "emailVerified": true,
                "enabled": true,
                "credentials": [{ "type": "password", "value": NEW_USER_PASSWORD }]
            })
        })
        .collect();
    // Keycloak answers only clients that are in the token's audience.
    let audience = json!({
        "name": "audience",
        "protocol": "openid-connect",
        "protocolMapper": "oidc-audience-mapper",
        "config": { "included.client.audience": CLIENT, "access.token.claim": "true", "introspection.token.claim": "true" }
    });
    let client = json!({
        "protocolMappers": [audience],
        "clientId": CLIENT,
        "secret": SECRET,
        "publicClient": false,
        "directAccessGrantsEnabled": true,
        "redirectUris": ["http://127.0.0.1/callback"]
    });
    json!({ "realm": "bench", "enabled": true, "sslRequired": "none", "clients": [client], "users": users })
}

fn user(number: usize) -> String {
    format!("user{number}")
}

fn log_in(user: &str) -> Result<HttpRequest, Failure> {
    let form = [("grant_type", "password"), ("username", user), ("password", NEW_USER_PASSWORD), ("scope", "openid")];
    HttpRequest::form(format!("{REALM}/token"), form).basic(CLIENT, SECRET)
}

/// Returns the question about a token.
fn introspection(token: &str) -> Result<HttpRequest, Failure> {
    HttpRequest::form(format!("{REALM}/token/introspect"), [("token", token)]).basic(CLIENT, SECRET)
}

async fn open_session(caller: HttpCaller) -> Result<OpenSession, Failure> {
    let answer = caller.send(log_in(&user(0))?).await?;
    let ask = caller.introspect(introspection(&answer.text("/access_token")?)?);
    let refresh = answer.text("/refresh_token")?;
    let end = HttpRequest::form(format!("{REALM}/logout"), [("refresh_token", refresh.as_str())]);
    let end = end.basic(CLIENT, SECRET)?;
    Ok(OpenSession { end: Box::pin(async move { caller.send(end).await.map(drop) }), ask })
}
