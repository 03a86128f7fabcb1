//! C66, C67, R30: every secret is put into every place that takes a secret, and appears in no output.

use std::fs;
use std::path::Path;
use std::process::Command;

use gatepost_server::dynamic;
use prost::Message as _;
use prost_reflect::MethodDescriptor;
use serde_json::{Value, json};
use testkit::{Raw, Reply, framed};
use tonic::Code;

use super::cast::{ADMIN, Cast, SERVICE_KEY, is_auth, text};
use super::pair::watch::{FORGED, shows};
use super::pair::{PASSWORD, folder, gatepost};

/// A database URL with a password.
const DATABASE: &str = "postgres://gatepost:thicket-marimba-oblong-quince-42@db.example.com/gatepost";

/// A master key: 32 random bytes in base64.
const MASTER_KEY: &str = "kTrnwqz5UFVmpOhbMAm+mjbavM99PHDXrZ78nEu+OIM=";

/// A name that tries to forge a log line and to control the operator's terminal.
const BREAK: &str = "Ada\r\nforged: let in\n\u{1b}[2J\u{9b}31m";

/// The pair's two servers, for a client that sends arbitrary bytes.
struct Wires<'a> {
    cast: &'a Cast,
    auth: Raw,
    blog: Raw,
    sent: usize,
}

impl<'a> Wires<'a> {
    async fn connect(cast: &'a Cast) -> Self {
        let auth = Raw::connect(cast.pair.auth.parse().unwrap()).await;
        Self { cast, auth, blog: Raw::connect(cast.pair.blog.parse().unwrap()).await, sent: 0 }
    }

    /// Sends this body. A refusal must show no secret; an answer may contain some.
    async fn send(&mut self, method: &MethodDescriptor, headers: &[(&str, &str)], body: Vec<u8>) -> Code {
        let raw = if is_auth(method) { &self.auth } else { &self.blog };
        let path = format!("/{}", dynamic::name(method));
        let reply = raw.call(&path, headers, body).await;
        self.sent += 1;
        let code = reply.status().code();
        if code != Code::Ok {
            assert!(!shows(&told(&reply), &secrets()), "{path}: {reply:?}");
        }
        code
    }

    /// Sends this request whole, then with garbled ends, then cut off at each of its last bytes, where its secrets are.
    async fn ask(&mut self, name: &str, headers: &[(&str, &str)], request: Value) {
        let method = self.cast.contract.method(&format!("gatepost.{name}")).unwrap();
        let bytes = dynamic::request(&method, &request).unwrap().encode_to_vec();
        self.send(&method, headers, framed(&bytes).to_vec()).await;
        let mut garbled = bytes.clone();
        // A byte that is not UTF-8, in the last text.
        *garbled.last_mut().unwrap() = 0xff;
        self.send(&method, headers, framed(&garbled).to_vec()).await;
        for end in bytes.len().saturating_sub(8)..bytes.len() {
            self.send(&method, headers, framed(&bytes[..end]).to_vec()).await;
            self.send(&method, headers, framed(&bytes)[..end].to_vec()).await;
        }
    }
}

/// Returns all that a client reads of a refusal, including the bytes of its details.
fn told(reply: &Reply) -> String {
    let status = reply.status();
    let details = String::from_utf8_lossy(status.details()).into_owned();
    format!(
        "{} {details} {:?} {:?} {}",
        status.message(),
        reply.headers,
        reply.trailers,
        String::from_utf8_lossy(&reply.data)
    )
}

fn secrets() -> Vec<String> {
    [PASSWORD, SERVICE_KEY, MASTER_KEY.trim_end_matches('='), "thicket-marimba"].map(str::to_owned).to_vec()
}

/// Returns every request that has a secret, with good and bad values. Bad values contain the good one, so that the log
/// check recognizes them.
fn requests(token: &str, api_key: &str) -> Vec<(&'static str, Value)> {
    let (wrong, long) = (format!("{PASSWORD}!"), PASSWORD.repeat(30));
    let mut all = vec![
        ("auth.v1.TokenService/VerifyToken", json!({"token": token})),
        ("auth.v1.TokenService/VerifyToken", json!({"token": SERVICE_KEY})),
        ("auth.v1.TokenService/VerifyToken", json!({"token": api_key})),
        ("auth.v1.TokenService/VerifyToken", json!({"token": format!("{api_key}0")})),
        ("auth.v1.ApiKeyService/GetApiKey", json!({"id": api_key})),
        ("auth.v1.ApiKeyService/CreateApiKey", json!({"name": api_key, "roles": [api_key]})),
        ("auth.v1.UserService/GetUser", json!({"id": api_key})),
        ("blog.v1.PostService/ListPosts", json!({"pageToken": api_key})),
        ("auth.v1.TokenService/VerifyToken", json!({"token": format!("{token}x")})),
        ("auth.v1.TokenService/VerifyToken", json!({"token": token.repeat(20)})),
    ];
    for password in [PASSWORD, &wrong, &long, token] {
        all.extend([
            ("auth.v1.AuthService/Login", json!({"email": ADMIN, "password": password})),
            ("auth.v1.AuthService/Login", json!({"email": password, "password": password})),
            ("auth.v1.AuthService/RefreshToken", json!({"refreshToken": password})),
            ("auth.v1.UserService/CreateUser", json!({"name": "Ada", "email": ADMIN, "password": password})),
            ("auth.v1.UserService/CreateUser", json!({"name": password, "email": "", "password": password})),
            ("auth.v1.UserService/ChangePassword", json!({"currentPassword": wrong, "newPassword": password})),
            (
                "auth.v1.UserService/UpdateUser",
                json!({"id": "me", "patch": {"email": "a@example.com"}, "currentPassword": wrong}),
            ),
            ("auth.v1.UserService/ResetPassword", json!({"id": password, "newPassword": password})),
            ("auth.v1.UserService/CompletePasswordReset", json!({"code": password, "newPassword": password})),
            // A field without a secret into which a user may paste one.
            ("auth.v1.UserService/GetUser", json!({"id": password})),
            ("auth.v1.UserService/ListUsers", json!({"pageToken": password, "filter": {"email": password}})),
            ("auth.v1.ApiKeyService/UpdateApiKey", json!({"id": password, "patch": {"name": password}})),
            ("auth.v1.ApiKeyService/RevokeApiKey", json!({"id": password, "etag": password})),
            ("blog.v1.PostService/GetPost", json!({"id": password})),
            ("blog.v1.PostService/ListPosts", json!({"pageToken": password})),
        ]);
    }
    all
}

/// C66: no secret that is sent appears in a refusal or in the log.
#[tokio::test(flavor = "multi_thread")]
async fn sent_secrets_never_reach_refusals_or_the_log() {
    let cast = Cast::start(&[]).await;
    let token = cast.admin.clone();
    let request = json!({"name": "Export", "roles": ["admin"]});
    let created = cast.ask("auth.v1.ApiKeyService/CreateApiKey", Some(&token), request).await;
    let api_key = text(&created, "/secret");
    assert!(shows(&format!("key={api_key},"), &[]), "the log check must recognize an API key");
    let mut wires = Wires::connect(&cast).await;
    for (name, request) in requests(&token, &api_key) {
        wires.ask(name, &[("api-token", &token)], request).await;
    }
    let (long, bearer, basic) = (token.repeat(8), format!("Bearer {token}"), format!("Basic {SERVICE_KEY}"));
    let other_key = format!("{api_key}0");
    let (spaced, obsolete) = (format!("{token} {token}"), format!("{token}\u{e9}"));
    let list = cast.contract.method("gatepost.blog.v1.PostService/ListPosts").unwrap();
    let me = cast.contract.method("gatepost.auth.v1.UserService/GetMe").unwrap();
    for headers in [
        vec![("authorization", bearer.as_str())],
        vec![("authorization", basic.as_str())],
        vec![("authorization", token.as_str())],
        vec![("api-token", SERVICE_KEY)],
        vec![("api-token", api_key.as_str())],
        vec![("api-token", other_key.as_str())],
        vec![("authorization", api_key.as_str())],
        vec![("api-token", long.as_str())],
        vec![("api-token", spaced.as_str())],
        vec![("api-token", obsolete.as_str())],
        vec![("api-token", token.as_str()), ("api-token", token.as_str())],
        vec![("api-token", token.as_str()), ("authorization", basic.as_str())],
        vec![("api-token-bin", token.as_str())],
        vec![("authorization-bin", token.as_str())],
        vec![("x-user-id", token.as_str()), ("cookie", token.as_str()), ("user-agent", PASSWORD)],
        vec![("api-token", token.as_str()), ("grpc-timeout", token.as_str())],
        vec![("api-token", token.as_str()), ("grpc-encoding", token.as_str())],
    ] {
        for method in [&list, &me] {
            wires.send(method, &headers, framed(&[]).to_vec()).await;
            wires.send(method, &headers, b"\x00\x00".to_vec()).await;
        }
    }
    println!("{} calls", wires.sent);
    drop(wires);
    // Its output is read completely once it has stopped: see `pair/watch.rs`.
    cast.pair.stop();
}

/// C67: text that a user sends starts no line of the log.
#[tokio::test(flavor = "multi_thread")]
async fn sent_text_starts_no_line_of_the_log() {
    assert!(BREAK.contains(&format!("\n{FORGED}")), "the log check must recognize the line");
    let cast = Cast::start(&[]).await;
    let guest = cast.guest(0).await;
    let mut wires = Wires::connect(&cast).await;
    for (name, request) in [
        ("auth.v1.AuthService/Login", json!({"email": BREAK, "password": BREAK})),
        (
            "auth.v1.UserService/CreateUser",
            json!({"name": BREAK, "email": BREAK, "password": BREAK, "requestId": BREAK}),
        ),
        (
            "auth.v1.UserService/UpdateUser",
            json!({"id": BREAK, "patch": {"name": BREAK}, "updateMask": "name", "etag": BREAK}),
        ),
        ("auth.v1.SessionService/ListSessions", json!({"userId": BREAK, "pageToken": BREAK})),
        ("auth.v1.TokenService/VerifyToken", json!({"token": BREAK})),
        ("blog.v1.PostService/CreatePost", json!({"title": BREAK, "content": BREAK, "requestId": BREAK})),
        ("blog.v1.PostService/CreatePost", json!({"title": "Hello", "content": BREAK})),
        ("blog.v1.PostService/GetPost", json!({"id": BREAK})),
    ] {
        let headers = [("api-token", guest.token.as_str()), ("user-agent", "\u{9b}31m"), ("x-request-id", "\u{9b}31m")];
        wires.ask(name, &headers, request).await;
    }
    for path in ["/%0d%0aforged:%20let%20in", "/a.B/%1b[2J", "/gatepost.auth.v1.UserService/GetMe?%0aforged:%20"] {
        let reply = wires.auth.call(path, &[("api-token", &guest.token)], framed(&[])).await;
        assert!(!shows(&told(&reply), &secrets()), "{path}");
    }
    drop(wires);
    cast.pair.stop();
}

/// Sets every secret in the environment, and some in places where they do not belong.
fn with_secrets<'a>(command: &'a mut Command, files: Option<&Path>) -> &'a mut Command {
    command.env("RUST_LOG", "trace").env("AUTH_ADMIN_EMAIL", ADMIN);
    command.env("AUTH_DATABASE_URL", DATABASE).env("BLOG_DATABASE_URL", DATABASE);
    for (name, secret) in [
        ("JWT_SECRET_KEY", SERVICE_KEY),
        ("AUTH_MASTER_KEY", MASTER_KEY),
        ("AUTH_SERVICE_KEY", SERVICE_KEY),
        ("AUTH_ADMIN_PASSWORD", PASSWORD),
        ("BLOG_SERVICE_KEY", SERVICE_KEY),
    ] {
        if let Some(folder) = files {
            let file = folder.join(name);
            fs::write(&file, secret).unwrap();
            command.env(format!("{name}_FILE"), file);
        } else {
            command.env(name, secret);
        }
    }
    command
}

/// C66: help and refused starts show no secret.
#[test]
fn help_and_refused_starts_show_no_secret() {
    let flag = format!("--database-url={DATABASE}");
    let listen = format!("--listen={DATABASE}");
    let folder = folder();
    for files in [None, Some(folder.path())] {
        for arguments in [
            &["--help"][..],
            &["-h"],
            &["--version"],
            &["auth", "--help"],
            &["blog", "--help"],
            &["demo", "--help"],
            &["auth"],
            &["blog"],
            &["auth", "--database-url", DATABASE],
            &["blog", "--database-url", DATABASE],
            &["auth", &flag],
            &["blog", &flag],
            &["auth", &listen],
            &["blog", "--auth-url", DATABASE],
            // An unknown word, which clap would show.
            &["auth", DATABASE],
            &["blog", DATABASE],
            &[DATABASE],
            &[&flag],
            &["auth", "--databse-url", DATABASE],
            &["auth", "--help=thicket-marimba"],
            &["auth", "--thicket-marimba-oblong-quince-42"],
        ] {
            let output = with_secrets(gatepost().args(arguments), files).output().unwrap();
            let said = [output.stdout, output.stderr].concat();
            let said = String::from_utf8(said).unwrap();
            assert!(!said.is_empty() && !shows(&said, &secrets()), "{arguments:?}: {said}");
        }
    }
}

#[test]
fn refused_setting_has_the_name_of_its_service() {
    for (service, variable) in [("auth", "AUTH_DATABASE_URL"), ("blog", "BLOG_DATABASE_URL")] {
        let output = gatepost().args([service, "--database-url", DATABASE]).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(&format!("--database-url ({variable}): ")), "{said}");
        let output = gatepost().args([service, "--database-url"]).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(&format!("({variable}): its value is absent")), "{said}");
    }
}
