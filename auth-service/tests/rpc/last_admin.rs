//! The last active admin cannot be demoted, disabled or deleted, not even by the admin's own call.

use gatepost::api::auth::v1::{DeleteUserRequest, DisableUserRequest, SetUserRolesRequest};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::support::{Account, EMAIL, PASSWORD, Service, Settings, refused, start_with, with_token};

const TEXT: &str = "this user is the last active admin: give another user the role `admin` first";

/// Calls demote, disable and delete for this user as an admin, and returns the answers.
async fn remove(service: &Service, by: &Account, id: &str) -> [Result<(), Status>; 3] {
    let mut users = service.users();
    let (id, etag) = (id.to_owned(), String::new());
    let roles = SetUserRolesRequest { id: id.clone(), roles: vec![], etag: etag.clone() };
    let disable = DisableUserRequest { id: id.clone(), etag: etag.clone() };
    [
        users.set_user_roles(with_token(roles, &by.token)).await.map(drop),
        users.disable_user(with_token(disable, &by.token)).await.map(drop),
        users.delete_user(with_token(DeleteUserRequest { id, etag }, &by.token)).await.map(drop),
    ]
}

#[tokio::test]
async fn last_admin_is_refused_with_a_reason() {
    let service = start_with(Settings { admin: true, ..Settings::default() }).await;
    let admin = service.admin().await;
    for id in ["me", &admin.id] {
        for answer in remove(&service, &admin, id).await {
            let status = answer.unwrap_err();
            refused(&status, Code::FailedPrecondition, "LAST_ADMIN", TEXT);
            let violations = status.get_details_precondition_failure().unwrap().violations;
            assert_eq!(violations[0].subject, "gatepost.auth.v1.User");
        }
    }
    let ada = service.account(EMAIL).await;
    service.set_roles(&admin, &ada.id, &["admin"]).await.unwrap();
    let delete = DeleteUserRequest { id: "me".into(), etag: String::new() };
    service.users().delete_user(with_token(delete, &admin.token)).await.unwrap();
    let token = service.login(EMAIL, PASSWORD).await.unwrap().tokens.unwrap().access_token;
    let ada = Account { token, ..ada };
    for answer in remove(&service, &ada, "me").await {
        assert_eq!(answer.unwrap_err().code(), Code::FailedPrecondition, "the remaining admin is now the last one");
    }
}
