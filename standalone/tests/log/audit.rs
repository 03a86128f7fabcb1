//! Audit lines: each row of the audit log has its line, with the same content.

use gatepost::api::auth::v1::audit_service_client::AuditServiceClient;
use gatepost::api::auth::v1::auth_service_client::AuthServiceClient;
use gatepost::api::auth::v1::user_service_client::UserServiceClient;
use gatepost::api::auth::v1::{
    AuditEvent, ChangePasswordRequest, DisableUserRequest, ListAuditEventsRequest, LoginRequest, LogoutRequest,
    SetUserRolesRequest, UpdateUserRequest, UserPatch,
};
use serde_json::Value;
use tempfile::tempfile;

use super::calls::{channel, register, with_token};
use super::json::lines;
use super::pair::{PASSWORD, folder};
use super::process::{Process, service};

const ADMIN: &str = "root@example.com";
const WRONG: &str = "a wrong password";
const OTHER: &str = "purple monkey dishwasher tango";

/// Returns the fields of a row in the form of a line: empty ones are left out.
fn fields(event: &AuditEvent) -> Vec<(&'static str, String)> {
    let kind = event.kind().as_str_name().trim_start_matches("AUDIT_EVENT_KIND_").to_lowercase();
    let all = [
        ("event", &kind),
        ("id", &event.id),
        ("actor", &event.actor),
        ("subject", &event.subject),
        ("peer", &event.peer),
        ("user_agent", &event.user_agent),
        ("request_id", &event.request_id),
        ("trace_id", &event.trace_id),
        ("detail", &event.detail),
    ];
    all.into_iter().filter(|(_, text)| !text.is_empty()).map(|(name, text)| (name, text.clone())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_row_of_the_audit_log_has_its_line() {
    let (folder, log) = (folder(), tempfile().unwrap());
    let url = format!("sqlite:{}", folder.path().join("auth.db").display());
    let mut command = service("auth", &url);
    command.args(["--log-format", "json", "--admin-email", ADMIN]).env("AUTH_ADMIN_PASSWORD", PASSWORD);
    let process = Process::start(command.env("RUST_LOG", "off,gatepost::audit=info"), log.try_clone().unwrap());
    let address = process.address("auth-service listening on ");
    let (mut auth, mut users) = (AuthServiceClient::new(channel(address)), UserServiceClient::new(channel(address)));
    let login = |email: &str, password: &str| LoginRequest {
        email: email.into(),
        password: password.into(),
        ..LoginRequest::default()
    };
    let tokens = register(address).await.unwrap();
    for email in ["ada@example.com", "a-password-in-the-wrong-field@example.com"] {
        auth.login(login(email, WRONG)).await.unwrap_err();
    }
    auth.logout(with_token(LogoutRequest {}, "garbage-token")).await.unwrap_err();
    let patch = Some(UserPatch { email: Some("new@example.com".into()), name: None });
    let email = UpdateUserRequest { id: "me".into(), patch, current_password: PASSWORD.into(), ..Default::default() };
    users.update_user(with_token(email, &tokens.access_token)).await.unwrap();
    let change = ChangePasswordRequest { current_password: PASSWORD.into(), new_password: OTHER.into() };
    let changed = users.change_password(with_token(change, &tokens.access_token)).await.unwrap().into_inner();
    auth.logout(with_token(LogoutRequest {}, &changed.tokens.unwrap().access_token)).await.unwrap();
    let admin = auth.login(login(ADMIN, PASSWORD)).await.unwrap().into_inner().tokens.unwrap().access_token;
    let user = auth.login(login("new@example.com", OTHER)).await.unwrap().into_inner().user.unwrap();
    let roles = SetUserRolesRequest { id: user.id.clone(), roles: vec!["editor".into()], etag: String::new() };
    users.set_user_roles(with_token(roles, &admin)).await.unwrap();
    let disable = DisableUserRequest { id: user.id, etag: String::new() };
    users.disable_user(with_token(disable, &admin)).await.unwrap();
    let mut audit = AuditServiceClient::new(channel(address));
    let rows = loop {
        let request = with_token(ListAuditEventsRequest { page_size: 100, ..Default::default() }, &admin);
        let rows = audit.list_audit_events(request).await.unwrap().into_inner().events;
        // The row of the refused call comes after its answer.
        if rows.iter().any(|event| event.detail.contains("TOKEN_INVALID")) {
            break rows;
        }
    };
    process.stop();
    let lines = lines(log);
    let audit: Vec<&Value> = lines.iter().filter(|line| line["target"] == "gatepost::audit").collect();
    assert_eq!(audit.len(), rows.len(), "{audit:#?}");
    for row in &rows {
        let line = audit.iter().find(|line| line["fields"]["id"] == row.id.as_str());
        let line = line.unwrap_or_else(|| panic!("no line for {row:?}"));
        let shown = line["fields"].as_object().unwrap();
        let wanted = fields(row);
        for (name, text) in &wanted {
            assert_eq!(shown[*name], text.as_str(), "{name} of {row:?}");
        }
        assert_eq!(shown.len(), wanted.len(), "{line} has more fields than {row:?}");
    }
    let text = format!("{rows:?} {lines:?}");
    for secret in [PASSWORD, WRONG, OTHER, "wrong-field", "garbage-token", "@example.com"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    assert!(!text.contains(tokens.access_token.rsplit('.').next().unwrap()) && !text.contains(&tokens.refresh_token));
}
