//! `gatepost admin`: a locked-out operator sets a password or makes an admin, while a service runs.

use std::fs;
use std::io::Write as _;
use std::process::Stdio;
use std::time::Duration;

use gatepost::api::auth::v1::LoginRequest;
use gatepost::api::auth::v1::auth_service_client::AuthServiceClient;
use testkit::postgres;
use tonic::transport::Endpoint;
use tonic::{Code, Request};

use super::output::CommandOutput;
use super::outsider::Home;
use super::pair::{PASSWORD, folder, gatepost};
use super::service::{SEALED, Service, Which};
use super::tokens::{is_active, register};

const NEW: &str = "thicket marimba oblong 42";
const ADA: &str = "ada@example.com";
const ROOT: &str = "root@example.com";

/// Runs `gatepost admin` on this database with this input; its output must not contain the password.
fn admin(url: &str, args: &[&str], input: &str) -> CommandOutput {
    let mut command = gatepost();
    command.arg("admin").args(args).env("AUTH_DATABASE_URL", url).stdin(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // With wrong arguments the command ends without reading the input.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = CommandOutput::from_process(&child.wait_with_output().unwrap());
    assert!(!output.out.contains(NEW) && !output.err.contains(NEW), "{}", output.err);
    output
}

#[track_caller]
fn done(output: &CommandOutput, event: &str) -> String {
    assert_eq!(output.code, 0, "{}", output.err);
    let audit = format!("event=\"{event}\"");
    let id = output.out.trim();
    let is_audited = |line: &str| line.contains("gatepost::audit") && line.contains(&audit) && line.contains(id);
    assert!(output.err.lines().any(is_audited), "{}", output.err);
    id.to_owned()
}

/// Logs in, or returns the code of the refusal.
async fn login(address: &str, email: &str, password: &str) -> Result<String, Code> {
    let channel = Endpoint::from_shared(format!("http://{address}")).unwrap().connect_lazy();
    let login = LoginRequest { email: email.into(), password: password.into(), ..LoginRequest::default() };
    let mut request = Request::new(login);
    request.set_timeout(Duration::from_mins(1));
    let answer = AuthServiceClient::new(channel).login(request).await.map_err(|status| status.code())?.into_inner();
    Ok(answer.tokens.unwrap().access_token)
}

#[tokio::test(flavor = "multi_thread")]
async fn set_password_ends_sessions_while_a_service_runs() {
    for home in Home::all().await {
        let url = home.url();
        let mut service = Service::start_with(Which::Auth, &url, &SEALED);
        let at = service.serves();
        let token = register(&at).await;
        // Enough wrong passwords to make the account wait.
        for _ in 0..6 {
            assert!(login(&at, ADA, "not her password at all").await.is_err());
        }
        done(&admin(&url, &["set-password", "ADA@example.com"], &format!("{NEW}\n")), "password_changed");
        // The loop never ends if the service does not learn of the change.
        while is_active(&at, &token).await {}
        assert!(login(&at, ADA, NEW).await.is_ok(), "the earlier wrong passwords are forgotten");
        assert_eq!(login(&at, ADA, PASSWORD).await, Err(Code::Unauthenticated));
        service.stop();
        // Without a service, and from a file.
        let folder = folder();
        let path = folder.path().join("password");
        fs::write(&path, format!("{PASSWORD}\r\n")).unwrap();
        done(&admin(&url, &["set-password", ADA, "--password-file", path.to_str().unwrap()], ""), "password_changed");
        let mut service = Service::start_with(Which::Auth, &url, &SEALED);
        assert!(login(&service.serves(), ADA, PASSWORD).await.is_ok());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn admin_is_created_or_granted_on_the_database() {
    for home in Home::all().await {
        let url = home.url();
        let mut service = Service::start_with(Which::Auth, &url, &SEALED);
        let at = service.serves();
        register(&at).await;
        let id = done(&admin(&url, &["create", ROOT, "--name", "Root"], NEW), "user_created");
        login(&at, ROOT, NEW).await.unwrap();
        let mut outsider = home.outsider().await;
        let roles = "select email || ' ' || roles || ' ' || state from users order by email";
        outsider.run("update users set state = 'disabled'").await;
        let ada = done(&admin(&url, &["grant", ADA], ""), "roles_changed");
        assert_ne!(ada, id);
        let expected = [format!("{ADA} admin active"), format!("{ROOT} admin disabled")];
        assert_eq!(outsider.texts(roles).await, expected);
        let again = admin(&url, &["grant", ADA], "");
        assert_eq!((again.code, again.err.contains("gatepost::audit")), (0, false), "nothing was changed");
        let rows = "select kind from audit_events where actor = 'operator' and peer = '' order by id";
        assert_eq!(outsider.texts(rows).await, ["user_created", "roles_changed", "user_enabled"]);
        service.stop();
        // Registration is closed now, and there is an admin: no warning.
        let closed = [SEALED[0], ("AUTH_REGISTRATION", "closed")];
        let mut service = Service::start_with(Which::Auth, &url, &closed);
        let line = service.wait_for_line(&["AUTH_REGISTRATION=closed", "-service listening on "]);
        assert!(line.contains("listening on"), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_admin_command_changes_nothing() {
    for home in Home::all().await {
        let url = home.url();
        let mut service = Service::start_with(Which::Auth, &url, &SEALED);
        let at = service.serves();
        let token = register(&at).await;
        for (args, input, code, sentence) in [
            (&["set-password", ROOT][..], NEW, 1, "no user has this email address"),
            (&["set-password", ADA], "short", 1, "the password must have 8 to 128 characters"),
            (&["set-password", ADA, "--password-min-length", "30"], NEW, 1, "must have 30 to 128"),
            (&["set-password", ADA], "gatepost-ada-1", 1, "must not be built on your name"),
            (&["set-password", ADA], "", 2, "standard input: the password is empty"),
            (&["set-password", ADA], " thicket marimba", 2, "has a blank"),
            (&["set-password", ADA], "thicket\nmarimba oblong\n", 2, "has a control character"),
            (&["set-password", ADA, "--password-file", "/absent"], NEW, 2, "--password-file: the file cannot be read"),
            (&["set-password", "ada"], NEW, 2, "EMAIL: "),
            (&["create", ADA], NEW, 1, "a user already has this email address"),
            (&["create", ROOT, "--name", ""], NEW, 1, "--name: "),
            (&["grant", ROOT], "", 1, "no user has this email address"),
        ] {
            let output = admin(&url, args, input);
            assert_eq!((output.code, output.out.as_str()), (code, ""), "{args:?}: {}", output.err);
            assert!(output.err.contains(sentence), "{args:?}: {}", output.err);
        }
        assert!(is_active(&at, &token).await);
    }
    if let Some(server) = postgres::database().await {
        assert!(admin(&server.url, &["grant", ADA], "").err.contains("is older than this version"));
    }
}
