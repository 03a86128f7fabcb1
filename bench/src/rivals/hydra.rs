//! Ory Hydra: questions about opaque tokens, and refreshes. The benchmark plays the login page, which checks no password.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use http::header::{COOKIE, LOCATION, SET_COOKIE};
use http::{Method, Uri};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::task::block_in_place;
use tonic::{Status, async_trait};

use super::RivalSettings;
use super::http::{HttpAnswer, HttpCaller, HttpRequest, encoded};
use super::process::{RivalProcess, free_address, port};
use super::work::{OpenSession, RivalCall, RivalServer, RunningRival, Work};
use crate::Failure;
use crate::load::{CallFuture, LoadCall};

/// Secret of the database, for the benchmark alone.
const SECRET: &str = "a secret of the benchmark alone";

/// Address to which the browser returns. Nothing listens there.
const CALLBACK: &str = "http://127.0.0.1/callback";

/// The program.
pub(super) struct Hydra {
    program: PathBuf,
}

impl Hydra {
    /// Returns the program that was built into this folder.
    pub(super) fn new(folder: &Path) -> Self {
        Self { program: folder.join("hydra") }
    }

    fn command(&self, folder: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.env("DSN", format!("sqlite://{}?_fk=true", folder.join("hydra.db").display()));
        command.env("SECRETS_SYSTEM", SECRET).env("LOG_LEVEL", "error");
        command
    }
}

#[async_trait]
impl RivalServer for Hydra {
    async fn start(&self, folder: &Path) -> Result<RunningRival, Failure> {
        if !folder.join("hydra.db").exists() {
            let mut command = self.command(folder);
            let output = block_in_place(|| command.args(["migrate", "sql", "-e", "--yes"]).output())?;
            if !output.status.success() {
                return Err(format!("Hydra creates no database: {}", output.status).into());
            }
        }
        let (began, public, admin) = (Instant::now(), free_address()?, free_address()?);
        let mut command = self.command(folder);
        for (name, address) in [("PUBLIC", &public), ("ADMIN", &admin)] {
            command.env(format!("SERVE_{name}_HOST"), "127.0.0.1").env(format!("SERVE_{name}_PORT"), port(address)?);
        }
        command.env("URLS_SELF_ISSUER", format!("http://{public}/"));
        command.env("URLS_LOGIN", "http://127.0.0.1/login").env("URLS_CONSENT", "http://127.0.0.1/consent");
        // Without `--dev`, Hydra wants TLS.
        command.args(["serve", "all", "--dev", "--sqa-opt-out"]);
        let mut process = RivalProcess::spawn_quiet(command, &folder.join("log"))?;
        let asking = HttpCaller::new(&admin);
        let ask = || async { asking.send(HttpRequest::get("/health/ready")).await.map(drop).map_err(Into::into) };
        process.first_answer(ask).await?;
        let took = began.elapsed();
        Ok(RunningRival { processes: vec![process], backends: Vec::new(), addresses: vec![public, admin], took })
    }

    async fn prepare(&self, running: &RunningRival, settings: &RivalSettings) -> Result<Work, Failure> {
        let (public, admin) = (running.address(0)?, running.address(1)?);
        let setup = LoginPage::open(public, admin).await?;
        let mut work = Work::default();
        let mut refreshes = Vec::new();
        for caller in HttpCaller::several(public, settings.users) {
            refreshes.push(setup.refreshes(caller, setup.log_in().await?));
        }
        let token = setup.log_in().await?;
        let callers = HttpCaller::several(admin, settings.callers);
        let verifies = callers.iter().map(|caller| caller.introspect(introspection(&token.access)));
        work.calls.insert(RivalCall::Verify, verifies.collect());
        work.calls.insert(RivalCall::Refresh, refreshes);
        let setup = Arc::new(setup);
        work.new_session = Some(Arc::new(move || {
            let page = Arc::clone(&setup);
            Box::pin(async move {
                let tokens = page.log_in().await.map_err(|failure| Status::unknown(failure.to_string()))?;
                let ask = page.admin.introspect(introspection(&tokens.access));
                let fields = [("token", tokens.refresh.as_str()), ("client_id", page.client.as_str())];
                let (revoke, public) = (HttpRequest::form("/oauth2/revoke", fields), page.public.clone());
                Ok(OpenSession { end: Box::pin(async move { public.send(revoke).await.map(drop) }), ask })
            })
        }));
        Ok(work)
    }
}

/// Returns the question about a token.
fn introspection(token: &str) -> HttpRequest {
    HttpRequest::form("/admin/oauth2/introspect", [("token", token)])
}

/// Tokens of a session. The type has no `Debug`, so that no output shows its secrets.
struct HydraTokens {
    access: String,
    refresh: String,
}

impl HydraTokens {
    fn read(answer: &HttpAnswer) -> Result<Self, Status> {
        Ok(Self { access: answer.text("/access_token")?, refresh: answer.text("/refresh_token")? })
    }
}

/// A login page with a client of its own, and a browser in front of it.
struct LoginPage {
    public: HttpCaller,
    admin: HttpCaller,
    client: String,
}

impl LoginPage {
    /// Registers a client without a secret.
    async fn open(public: &str, admin: &str) -> Result<Self, Failure> {
        let (public, admin) = (HttpCaller::new(public), HttpCaller::new(admin));
        let client = json!({
            "token_endpoint_auth_method": "none",
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "scope": "offline",
            "redirect_uris": [CALLBACK]
        });
        let client = admin.send(HttpRequest::post("/admin/clients", &client)).await?.text("/client_id")?;
        Ok(Self { public, admin, client })
    }

    /// Walks through the flow of an authorization code, and accepts each question.
    async fn log_in(&self) -> Result<HydraTokens, Failure> {
        let mut cookies = BTreeMap::new();
        let Self { client, .. } = self;
        let start = format!(
            "/oauth2/auth?client_id={client}&response_type=code&scope=offline&state=12345678&redirect_uri={}",
            encoded(CALLBACK)
        );
        let login = self.visit(&start, &mut cookies).await?;
        let next = self.accept("login", &login, &json!({ "subject": "ada" })).await?;
        let consent = self.visit(&next, &mut cookies).await?;
        let next = self.accept("consent", &consent, &json!({ "grant_scope": ["offline"] })).await?;
        let callback = self.visit(&next, &mut cookies).await?;
        let code = parameter(&callback, "code")?;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("client_id", client.as_str()),
            ("redirect_uri", CALLBACK),
        ];
        Ok(HydraTokens::read(&self.public.send(HttpRequest::form("/oauth2/token", form)).await?)?)
    }

    /// Opens a page as the browser, and returns the address to which it leads.
    async fn visit(&self, page: &str, cookies: &mut BTreeMap<String, String>) -> Result<Uri, Failure> {
        let sent = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
        let answer = self.public.send(HttpRequest::get(page).with(COOKIE, sent.parse()?)).await?;
        for set in answer.headers.get_all(SET_COOKIE) {
            let pair = set.to_str()?.split(';').next().and_then(|pair| pair.split_once('='));
            cookies.extend(pair.map(|(name, value)| (name.to_owned(), value.to_owned())));
        }
        Ok(answer.headers.get(LOCATION).ok_or("Hydra's page leads nowhere")?.to_str()?.parse()?)
    }

    /// Accepts a login or a consent. Returns the path to which the browser goes next.
    async fn accept(&self, kind: &str, page: &Uri, answer: &Value) -> Result<String, Failure> {
        let challenge = parameter(page, &format!("{kind}_challenge"))?;
        let path = format!("/admin/oauth2/auth/requests/{kind}/accept?{kind}_challenge={challenge}");
        let next: Uri =
            self.admin.send(HttpRequest::new(Method::PUT, path).json(answer)).await?.text("/redirect_to")?.parse()?;
        Ok(next.path_and_query().ok_or("Hydra leads to no page")?.to_string())
    }

    /// Returns refreshes of a session. A refresh token works once, so they wait for each other.
    fn refreshes(&self, caller: HttpCaller, tokens: HydraTokens) -> LoadCall {
        let (client, tokens) = (self.client.clone(), Arc::new(Mutex::new(tokens)));
        Arc::new(move || {
            let (caller, client, tokens) = (caller.clone(), client.clone(), Arc::clone(&tokens));
            Some(Box::pin(async move {
                let mut tokens = tokens.lock().await;
                let form = [
                    ("grant_type", "refresh_token"),
                    ("refresh_token", tokens.refresh.as_str()),
                    ("client_id", client.as_str()),
                ];
                let answer = caller.send(HttpRequest::form("/oauth2/token", form)).await?;
                *tokens = HydraTokens::read(&answer)?;
                Ok(())
            }) as CallFuture<()>)
        })
    }
}

/// Returns a parameter of a query, as it is encoded.
fn parameter(address: &Uri, name: &str) -> Result<String, Failure> {
    let pairs = address.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    let found = pairs.into_iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_owned());
    Ok(found.ok_or_else(|| format!("the address has no parameter {name}"))?)
}
